import type { ByteString } from '../../base/index.ts';
import { ArgumentQueue, applyFlag, missingLegacyValue, unrecognisedFlag } from './argument-queue.ts';
import { type Flag, type FlagFinder, indexFlags } from './flag.ts';

/** What a `nix-*` command understands beside the flags that all of them share. */
export interface LegacyGrammar {
  readonly flags: readonly Flag[];
  /** Takes a flag that nobody knows, with the arguments that it `take`s after it, or refuses it by returning false. */
  readonly otherFlag?: (spelling: ByteString, take: () => ByteString | undefined) => boolean;
  readonly argument: (text: ByteString) => void;
}

/** Parses the command line of a `nix-*` command. Throws `usage/...` and what flags and arguments throw. */
export function parseLegacy(args: readonly ByteString[], grammar: LegacyGrammar, common: FlagFinder): void {
  const queue = new ArgumentQueue(args);
  const own = indexFlags(grammar.flags);
  for (let item = queue.next(); item !== undefined; item = queue.next()) {
    const { kind, text } = item;
    if (kind === 'argument') {
      grammar.argument(text);
      continue;
    }
    const shared = common(text);
    if (shared !== undefined) {
      applyFlag(shared, text, queue);
      continue;
    }
    const flag = own(text);
    if (flag !== undefined) applyFlag(flag, text, queue, missingLegacyValue);
    else if (grammar.otherFlag?.(text, () => queue.take()) !== true) throw unrecognisedFlag(text);
  }
}
