import { LocalStore, type Store, Substituters, readTrustedKeys } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { OpenedStores } from './opened-stores.ts';

/** Where missing paths can be had, as long as it is not disposed of. */
export interface OpenSubstituters extends AsyncDisposable {
  readonly substituters: Substituters;
  /** The same stores, of whom nothing is remembered, and those that could not be opened before: for processes that live long. */
  fresh(): Substituters;
  /** Why stores are left out. */
  readonly failures: readonly string[];
  /** That with the smallest priority first. */
  stores(): Promise<readonly Store[]>;
}

/**
 * The stores of the setting `substituters`, none where `substitute` is off. They are opened when something is asked of them
 * for the first time: where nothing is missing, nobody is. Those that cannot be opened are warned of and left out.
 *
 *     await using open = openSubstituters(store, context);
 */
export function openSubstituters(store: Store, context: CommandContext): OpenSubstituters {
  const { settings, log } = context;
  const opened = new OpenedStores(() => (settings.get('substitute') ? settings.get('substituters') : []), context);
  const stores = () => opened.get();
  // A local store may ask for more than the settings do, or less.
  const trust =
    store instanceof LocalStore
      ? store
      : { requireSignatures: settings.get('require-sigs'), trustedKeys: readTrustedKeys(settings) };
  const options = { storeDir: store.storeDir, trust, fallback: settings.get('fallback'), reporter: log };
  return {
    substituters: new Substituters(stores, options),
    fresh: () => new Substituters(() => opened.get({ again: true }), options),
    get failures() {
      return opened.failures;
    },
    stores,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
