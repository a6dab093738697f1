import { type ByteString, displayBytes } from '../../base/index.ts';
import { type HashAlgorithm, type HashFormat, formatHash, parseHash } from '../../nix-compat/index.ts';
import type { CommandContext, CommandFactory } from '../command.ts';
import { algorithmFlag } from './hash-flags.ts';

/** `nix hash to-base16` and its like, which `nix hash convert` has replaced. */
export function hashTo(format: HashFormat): CommandFactory {
  return context => {
    let algorithm: HashAlgorithm | undefined;
    let hashes: readonly ByteString[] = [];
    return {
      summary: `Converts hashes to ${format} (deprecated: use 'nix hash convert').`,
      flags: [algorithmFlag('type', context, given => (algorithm = given))],
      positionals: [{ label: 'strings', arity: 'any', apply: (...given) => (hashes = given) }],
      run: () => {
        const old = 'The old format conversion subcommands of `nix hash` were deprecated';
        context.log.warn(`${old} in favor of \`nix hash convert\`.`);
        printConverted(hashes, { algorithm, format }, context);
      },
    };
  };
}

/** Prints each hash on a line, in another format. */
export function printConverted(
  hashes: readonly ByteString[],
  { algorithm, format }: { readonly algorithm: HashAlgorithm | undefined; readonly format: HashFormat },
  context: CommandContext,
): void {
  for (const text of hashes) {
    const hash = parseHash(displayBytes(text), algorithm);
    if (hash.algorithm === 'blake3') context.settings.require('blake3-hashes');
    context.out.line(formatHash(hash, format));
  }
}
