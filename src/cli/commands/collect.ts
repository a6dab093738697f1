import { type CollectOptions, type Collected, type Store, requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { formatSize } from '../render/format-size.ts';

/** What the user has chosen of a collection; the rest follows from the settings. */
export type ChosenCollection = Pick<CollectOptions, 'maxFreed' | 'paths' | 'ignoreLiveness'>;

/** Settings that say what keeps what. */
export function livenessOptions({ settings, signal }: CommandContext): CollectOptions {
  return { keepOutputs: settings.get('keep-outputs'), keepDerivations: settings.get('keep-derivations'), signal };
}

/** Collects garbage, and says how much, also where an error puts an end to it. */
export async function collectAndSay(store: Store, chosen: ChosenCollection, context: CommandContext): Promise<void> {
  const collector = requireFacet(store, 'collector', 'collectGarbage');
  const collected = ({ paths, bytesFreed }: Collected) =>
    context.out.line(`${paths.length} store paths deleted, ${formatSize(bytesFreed)} freed`);
  await collector.collect({ ...livenessOptions(context), ...chosen, collected });
}

/** Says how many paths a collection would delete. */
export async function sayDead(store: Store, context: CommandContext): Promise<void> {
  const { dead } = await requireFacet(store, 'collector', 'collectGarbage').liveness(livenessOptions(context));
  context.out.line(`${dead.length} store paths would be deleted`);
}
