import { displayBytes } from '../../base/index.ts';
import type { JsonCursor } from '../../nix-compat/index.ts';
import type { ContentDigest } from './image-archive.ts';
import type { Platform } from './platform.ts';

/** What is read of an image's configuration. */
export interface ImageConfig {
  readonly platform: Platform;
  /** Of the layers as they are when they are not compressed. */
  readonly contents: readonly ContentDigest[];
}

export function readConfig(json: JsonCursor): ImageConfig {
  return {
    platform: readPlatform(json),
    contents: json.member('rootfs').member('diff_ids').elements().map(readDigest),
  };
}

/** Of a configuration and of what an index says of an image alike. */
export function readPlatform(json: JsonCursor): Platform {
  const variant = json.optionalMember('variant')?.string();
  return {
    os: displayBytes(json.member('os').string()),
    architecture: displayBytes(json.member('architecture').string()),
    variant: variant === undefined || variant === '' ? undefined : displayBytes(variant),
  };
}

const hashPatterns = { sha256: /^[0-9a-f]{64}$/, sha512: /^[0-9a-f]{128}$/ } as const;

/** `sha256:HASH` or `sha512:HASH`. */
export function readDigest(json: JsonCursor): ContentDigest {
  const text = displayBytes(json.string());
  const [algorithm, hash = ''] = text.split(':', 2);
  if ((algorithm === 'sha256' || algorithm === 'sha512') && hashPatterns[algorithm].test(hash)) {
    return { algorithm, hash };
  }
  throw json.refuse('json/wrong-type', `'${text}' is no digest by SHA-256 or SHA-512`);
}
