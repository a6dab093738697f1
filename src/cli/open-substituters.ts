import { FirnError, errnoOf, messageOf } from '../base/index.ts';
import { LocalStore, type Store, Substituters, readTrustedKeys } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { openStoreAt } from './open-store.ts';

/** Where missing paths can be had, as long as it is not disposed of. */
export interface OpenSubstituters extends AsyncDisposable {
  readonly substituters: Substituters;
  /** That with the smallest priority first. */
  readonly stores: readonly Store[];
}

/**
 * Opens the stores of the setting `substituters`, none where `substitute` is off. Those that cannot be opened are warned
 * of and left out.
 *
 *     await using open = await openSubstituters(store, context);
 */
export async function openSubstituters(store: Store, context: CommandContext): Promise<OpenSubstituters> {
  const { settings, log } = context;
  const stores: Store[] = [];
  for (const uri of settings.get('substitute') ? new Set(settings.get('substituters')) : []) {
    try {
      stores.push(await openStoreAt(uri, context));
    } catch (error) {
      if (!(error instanceof FirnError) && errnoOf(error) === undefined) throw error;
      log.warn(messageOf(error));
    }
  }
  // A local store may ask for more than the settings do, or less.
  const trust =
    store instanceof LocalStore
      ? store
      : { requireSignatures: settings.get('require-sigs'), trustedKeys: readTrustedKeys(settings) };
  const options = { storeDir: store.storeDir, trust, fallback: settings.get('fallback'), reporter: log };
  return {
    substituters: new Substituters(stores, options),
    stores: stores.toSorted((a, b) => a.priority - b.priority),
    [Symbol.asyncDispose]: async () => {
      for (const each of stores) await each[Symbol.asyncDispose]();
    },
  };
}
