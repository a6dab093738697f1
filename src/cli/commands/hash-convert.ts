import { type ByteString, displayBytes } from '../../base/index.ts';
import { type HashAlgorithm, type HashFormat, formatHash, parseHashWithFormat } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { algorithmFlag, formatFlag } from './hash-flags.ts';

/** `nix hash convert` */
export function hashConvert(context: CommandContext): Command {
  let from: HashFormat | undefined;
  let to: HashFormat = 'sri';
  let algorithm: HashAlgorithm | undefined;
  let hashes: readonly ByteString[] = [];
  return {
    summary: 'Converts hashes between formats.',
    flags: [
      formatFlag('from', context, format => (from = format)),
      formatFlag('to', context, format => (to = format)),
      algorithmFlag('hash-algo', context, given => (algorithm = given)),
    ],
    positionals: [{ label: 'hashes', arity: 'any', apply: (...given) => (hashes = given) }],
    run: () => {
      for (const given of hashes) {
        const text = displayBytes(given);
        const { hash, format } = parseHashWithFormat(text, algorithm);
        if (hash.algorithm === 'blake3') context.settings.require('blake3-hashes');
        if (from !== undefined && from !== format) {
          const message = `input hash '${text}' has format '${format}', but '--from ${from}' was specified`;
          throw new CliError('hash/other-format', message);
        }
        context.out.line(formatHash(hash, to));
      }
    },
  };
}
