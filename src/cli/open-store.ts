import {
  FirnError,
  type Reporter,
  byteStringFromText,
  errnoOf,
  messageOf,
  resolveText,
  silentReporter,
  verbosityRank,
} from '../base/index.ts';
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

/** Where missing paths can be had, in the order in which to ask; those that cannot be opened are warned of and left out. */
export async function openSubstituters(context: CommandContext): Promise<Store[]> {
  const stores: Store[] = [];
  for (const uri of new Set(context.settings.get('substituters'))) {
    try {
      stores.push(await openStoreAt(uri, context));
    } catch (error) {
      if (!(error instanceof FirnError) && errnoOf(error) === undefined) throw error;
      context.log.warn(messageOf(error));
    }
  }
  return stores.toSorted((a, b) => a.priority - b.priority);
}

function openStoreContext(context: CommandContext): OpenStoreContext {
  const { environment, settings } = context;
  return {
    environment,
    settings,
    reporter: reporterOf(context),
    requireFeature: feature => settings.require(feature),
  };
}

function reporterOf({ log }: CommandContext): Reporter {
  return {
    ...silentReporter,
    shows: level => verbosityRank(level) <= verbosityRank(log.verbosity),
    log: (level, message) => log.log(level, resolveText(message)),
    warn: message => log.warn(message),
  };
}
