import { arch } from 'node:process';
import { StoreError } from '../error.ts';

/** What an image runs on, in the words of Go, as images have it. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7` of `arm`; where a wish has none, any will do. */
  readonly variant: string | undefined;
}

/** Node's names of processors that Go calls otherwise. */
const architectures: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['ppc64', 'ppc64le'],
]);

/** What containers run on here: Linux, whatever runs it, on this machine's processor. */
export function thisPlatform(): Platform {
  return { os: 'linux', architecture: architectures.get(arch) ?? arch, variant: undefined };
}

/** `OS/ARCHITECTURE[/VARIANT]`. Throws `image/unsupported`. */
export function parsePlatform(text: string): Platform {
  const [, os, architecture, variant] = /^([a-z0-9._-]+)\/([a-z0-9._-]+)(?:\/([a-z0-9._-]+))?$/i.exec(text) ?? [];
  if (os === undefined || architecture === undefined) {
    throw new StoreError('image/unsupported', `'${text}' is no platform: OS/ARCHITECTURE is, such as linux/amd64`);
  }
  return { os, architecture, variant };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(part => part !== undefined).join('/');
}

/** Whether an image for `found` is one for `wanted`. */
export function suits(found: Platform, wanted: Platform): boolean {
  const { os, architecture, variant } = wanted;
  return (
    found.os === os &&
    found.architecture === architecture &&
    (variant === undefined || found.variant === undefined || found.variant === variant)
  );
}
