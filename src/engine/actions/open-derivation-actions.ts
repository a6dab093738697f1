import type { Executor } from '../../exec/index.ts';
import type { ReapiServer } from '../../reapi/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { DerivationActions } from '../build/derivation-actions.ts';

/** Runs builders of a store as actions. What that takes is loaded with the first builder: most processes have none. */
export function openDerivationActions(store: LocalStore, executor: Executor): DerivationActions {
  let opened: Promise<DerivationActions> | undefined;
  const open = async () => {
    const { LocalDerivationActions } = await import('./local-derivation-actions.ts');
    return new LocalDerivationActions(store, executor);
  };
  return {
    run: async builder => (await (opened ??= open())).run(builder),
    [Symbol.asyncDispose]: async () => (await opened)?.[Symbol.asyncDispose](),
  };
}

/** Has a server of remote execution run builders. The server stays its owner's. */
export async function openRemoteDerivationActions(store: LocalStore, server: ReapiServer): Promise<DerivationActions> {
  const { RemoteDerivationActions } = await import('./remote-derivation-actions.ts');
  return new RemoteDerivationActions(store, server);
}
