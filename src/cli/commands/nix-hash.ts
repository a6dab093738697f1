import type { ByteString } from '../../base/index.ts';
import type { HashAlgorithm, HashFormat } from '../../nix-compat/index.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { algorithmFlag, encodingFlags } from './hash-flags.ts';
import { printHashes } from './hash-path.ts';
import { printConverted } from './hash-to.ts';

/** `nix-hash` */
export function nixHash(context: CommandContext): LegacyCommand {
  let method: 'flat' | 'nar' = 'nar';
  let operation: 'hash' | 'convert' = 'hash';
  let algorithm: HashAlgorithm | undefined;
  let format: HashFormat = 'base16';
  let truncate = false;
  const args: ByteString[] = [];
  return {
    summary: 'Hashes file trees, or converts hashes.',
    flags: [
      {
        long: 'flat',
        labels: [],
        summary: 'Hash the contents of files, not their NARs.',
        apply: () => (method = 'flat'),
      },
      ...encodingFlags('', chosen => (format = chosen)),
      { long: 'truncate', labels: [], summary: 'Fold the hash to 160 bits.', apply: () => (truncate = true) },
      algorithmFlag('type', context, chosen => (algorithm = chosen)),
      ...encodingFlags('to-', chosen => {
        operation = 'convert';
        format = chosen;
      }),
    ],
    argument: text => args.push(text),
    run: () => {
      if (operation === 'convert') return printConverted(args, { algorithm, format }, context);
      return printHashes({ method, algorithm: algorithm ?? 'md5', format, truncate, paths: args }, context);
    },
  };
}
