import type { ByteString } from '../../base/index.ts';
import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';

/** `--command PROGRAM ARGS...`; throws `usage/missing-value` where nothing follows. */
export function commandFlag(use: (words: readonly ByteString[]) => void): Flag {
  return {
    long: 'command',
    short: 'c',
    labels: ['command', 'args'],
    takesRest: true,
    summary: 'Run this program instead of a shell.',
    apply: (...words) => {
      if (words.length === 0) throw new CliError('usage/missing-value', '--command requires at least one argument');
      use(words);
    },
  };
}
