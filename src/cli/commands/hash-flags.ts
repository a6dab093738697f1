import { type ByteString, displayBytes } from '../../base/index.ts';
import {
  type HashAlgorithm,
  type HashFormat,
  hashAlgorithms,
  hashFormats,
  parseHashAlgorithm,
  parseHashFormat,
} from '../../nix-compat/index.ts';
import { completeAmong } from '../args/completions.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';

/** The algorithm of that name. Throws `hash/unknown-algorithm` and, for blake3, `feature/disabled`. */
export function takeAlgorithm(name: ByteString, { settings }: CommandContext): HashAlgorithm {
  const algorithm = parseHashAlgorithm(displayBytes(name));
  if (algorithm === 'blake3') settings.require('blake3-hashes');
  return algorithm;
}

/** `--type`, `--algo` or `--hash-algo`. */
export function algorithmFlag(long: string, context: CommandContext, use: (algorithm: HashAlgorithm) => void): Flag {
  return {
    long,
    labels: ['hash-algo'],
    summary: 'md5, sha1, sha256, sha512 or blake3.',
    complete: completeAmong(hashAlgorithms),
    apply: name => use(takeAlgorithm(name, context)),
  };
}

/** `--format`, `--from` or `--to`. */
export function formatFlag(long: string, context: CommandContext, use: (format: HashFormat) => void): Flag {
  return {
    long,
    labels: ['hash-format'],
    summary: 'base16, nix32, base64 or sri.',
    complete: completeAmong(hashFormats),
    apply: name => {
      if (name === 'base32') context.log.warn('"base32" is a deprecated alias for hash format "nix32".');
      use(parseHashFormat(displayBytes(name)));
    },
  };
}

/** `--base16`, `--base32`, `--base64` and `--sri`, each a flag of its own. */
export function encodingFlags(prefix: '' | 'to-', use: (format: HashFormat) => void): Flag[] {
  const names = { base16: 'base16', base32: 'nix32', base64: 'base64', sri: 'sri' } as const;
  return Object.entries(names).map(([name, format]) => ({
    long: `${prefix}${name}`,
    labels: [],
    summary: prefix === '' ? `Print the hash in ${format}.` : `Convert hashes to ${format}.`,
    apply: () => use(format),
  }));
}
