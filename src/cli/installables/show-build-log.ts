import type { SingleDerivingPath, StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openSubstituters } from '../open-substituters.ts';
import { showPaged } from '../render/show-paged.ts';
import { findBuildLog } from './find-build-log.ts';
import type { NamedPath } from './installable.ts';
import { followOutputs } from './resolve-installables.ts';

/** Throws `log/absent`. */
export async function showBuildLog(store: Store, installable: NamedPath, context: CommandContext): Promise<void> {
  const { log, from } = await find(store, installable, context);
  context.log.log('info', `got build log for '${installable.what}' from '${from}'`);
  showPaged(log, context);
}

async function find(
  store: Store,
  { path, what }: NamedPath,
  context: CommandContext,
): Promise<{ readonly log: Uint8Array; readonly from: string }> {
  const wanted = path.kind === 'opaque' ? path.path : await derivationAt(store, path.derivation, what);
  const own = await findBuildLog(store, wanted);
  if (own !== undefined) return { log: own, from: store.uri };
  await using open = openSubstituters(store, context);
  for (const substituter of await open.stores()) {
    const log = await findBuildLog(substituter, wanted);
    if (log !== undefined) return { log, from: substituter.uri };
  }
  throw absent(what);
}

async function derivationAt(store: Store, derivation: SingleDerivingPath, what: string): Promise<StorePath> {
  try {
    return await followOutputs({ store, evalStore: store }, derivation);
  } catch (error) {
    if (error instanceof CliError && error.code === 'installable/not-built') throw absent(what);
    throw error;
  }
}

function absent(what: string): CliError {
  return new CliError('log/absent', `build log of '${what}' is not available`);
}
