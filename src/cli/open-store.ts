import { byteStringFromText, displayBytes } from '../base/index.ts';
import { type StoreDir, defaultStoreDir, parseStoreDir, parseStoreReference } from '../nix-compat/index.ts';
import { type OpenStoreContext, type Store, openStore } from '../store/index.ts';
import { clientOptionsOf } from './client-options.ts';
import type { CommandContext } from './command.ts';

/**
 * The store that a command works on: what `--store` says, else the setting `store`, else NIX_REMOTE.
 *
 *     await using store = await openCommandStore(context);
 */
export function openCommandStore(context: CommandContext): Promise<Store> {
  return openStoreAt(context.settings.get('store'), context);
}

/** Whether `uri`, a value of the setting `store`, leaves it to us which store that is. */
export function isUnnamedStore(uri: string): boolean {
  return uri === '' || uri === 'auto';
}

/**
 * The store that a command works on, for what no daemon does: where nobody has named one, this process opens it itself, also
 * where a daemon has it open.
 */
export function openStoreHere(context: CommandContext): Promise<Store> {
  const uri = context.settings.get('store');
  return openStoreAt(isUnnamedStore(uri) ? 'local' : uri, context);
}

/** The store at `uri`. Throws what parsing it and opening the store throw. */
export async function openStoreAt(uri: string, context: CommandContext): Promise<Store> {
  const reference = parseStoreReference(byteStringFromText(uri), {
    workingDirectory: process.cwd(),
    reportDubious: parameter =>
      context.log.warn(`dubious URI query '${parameter}' is missing equal sign '=', ignoring`),
  });
  return openStore(reference, openStoreContext(context));
}

/** Where the paths of the store at `uri` are printed to be, without opening it. Throws what parsing throws. */
export function storeDirAt(uri: string, { environment }: CommandContext): StoreDir {
  const reference = parseStoreReference(byteStringFromText(uri), { workingDirectory: process.cwd() });
  const chosen = 'params' in reference ? reference.params.get(byteStringFromText('store')) : undefined;
  const storeDir = chosen === undefined ? environment.storeDir : displayBytes(chosen);
  return storeDir === defaultStoreDir ? defaultStoreDir : parseStoreDir(storeDir);
}

export function openStoreContext(context: CommandContext): OpenStoreContext {
  const { environment, log, settings } = context;
  return {
    environment,
    settings,
    reporter: log,
    clientOptions: () => clientOptionsOf(context),
    kinds: {
      reapi: async () => (await import('../reapi/index.ts')).openReapiStore,
      reapis: async () => (await import('../reapi/index.ts')).openReapiStore,
      'reapi+unix': async () => (await import('../reapi/index.ts')).openReapiStore,
    },
    requireFeature: feature => settings.require(feature),
  };
}
