import { byteStringFromText } from '../base/index.ts';
import { parseStoreReference } from '../nix-compat/index.ts';
import { type OpenStoreContext, type Store, openStore } from '../store/index.ts';
import type { CommandContext } from './command.ts';

/**
 * The store that a command works on: what `--store` says, else the setting `store`, else NIX_REMOTE.
 *
 *     await using store = await openCommandStore(context);
 */
export function openCommandStore(context: CommandContext): Promise<Store> {
  return openStoreAt(context.settings.get('store'), context);
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

function openStoreContext(context: CommandContext): OpenStoreContext {
  const { environment, log, settings } = context;
  return {
    environment,
    settings,
    reporter: log,
    requireFeature: feature => settings.require(feature),
  };
}
