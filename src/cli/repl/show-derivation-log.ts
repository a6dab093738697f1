import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { showBuildLog } from '../installables/show-build-log.ts';
import { openCommandStore } from '../open-store.ts';
import type { Outcome } from './repl.ts';

/** `:log`: what a derivation's build said, from the store or a substituter. */
export function showDerivationLog(context: CommandContext, derivation: StorePath): Outcome {
  return {
    kind: 'later',
    work: async () => {
      await using store = await openCommandStore(context);
      const what = printStorePath(store.storeDir, derivation);
      await showBuildLog(store, { path: { kind: 'opaque', path: derivation }, what }, context);
    },
  };
}
