import { FirnError, errnoOf, messageOf } from '../base/index.ts';
import { LocalStore, type Store, Substituters, readTrustedKeys } from '../store/index.ts';
import type { CommandContext } from './command.ts';
import { openStoreAt } from './open-store.ts';

/** Where missing paths can be had, as long as it is not disposed of. */
export interface OpenSubstituters extends AsyncDisposable {
  readonly substituters: Substituters;
  /** The same stores, of whom nothing is remembered: for processes that live long. */
  fresh(): Substituters;
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
  let opening: Promise<readonly Store[]> | undefined;
  const stores = () => (opening ??= openAll(context));
  // A local store may ask for more than the settings do, or less.
  const trust =
    store instanceof LocalStore
      ? store
      : { requireSignatures: settings.get('require-sigs'), trustedKeys: readTrustedKeys(settings) };
  const options = { storeDir: store.storeDir, trust, fallback: settings.get('fallback'), reporter: log };
  return {
    substituters: new Substituters(stores, options),
    fresh: () => new Substituters(stores, options),
    stores,
    [Symbol.asyncDispose]: async () => {
      // A failure is of whoever asked.
      const opened = (await opening?.catch(() => [])) ?? [];
      for (const each of opened) await each[Symbol.asyncDispose]();
    },
  };
}

async function openAll(context: CommandContext): Promise<readonly Store[]> {
  const { settings, log } = context;
  await using opened = new AsyncDisposableStack();
  const stores: Store[] = [];
  for (const uri of settings.get('substitute') ? new Set(settings.get('substituters')) : []) {
    try {
      stores.push(opened.use(await openStoreAt(uri, context)));
    } catch (error) {
      if (!(error instanceof FirnError) && errnoOf(error) === undefined) throw error;
      log.warn(messageOf(error));
    }
  }
  // They are the caller's from here.
  opened.move();
  return stores.toSorted((a, b) => a.priority - b.priority);
}
