import type { DerivationBuilder } from '../engine/index.ts';
import type { Store } from '../store/index.ts';
import type { CommandContext } from './command.ts';

/** Who builds for a command; undefined where its store is none that is built in. */
export function openBuilder(_store: Store, _context: CommandContext): DerivationBuilder | undefined {
  return undefined;
}
