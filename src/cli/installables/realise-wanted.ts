import { displayBytes } from '../../base/index.ts';
import { type StorePath, compareStorePaths, hasOutput, printStorePath } from '../../nix-compat/index.ts';
import { type Store, derivationOutputs, realisePaths } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { OpenSubstituters } from '../open-substituters.ts';
import type { Missing, WantedOutputs } from './missing-paths.ts';

export interface Wanted {
  readonly paths: readonly StorePath[];
  readonly derivations: readonly WantedOutputs[];
}

/**
 * Makes paths and outputs valid that `missing` says can be had. Throws `realise/needs-building`, `path/no-substituter`
 * and its like for one path, `realise/failed` for several.
 */
export async function realiseWanted(
  store: Store,
  wanted: Wanted,
  rest: {
    readonly open: OpenSubstituters;
    readonly missing: Missing;
    readonly context: CommandContext;
    readonly repair?: boolean;
  },
): Promise<void> {
  const { open, missing, context, repair = false } = rest;
  const [derivation] = missing.willBuild;
  if (derivation !== undefined) {
    const printed = displayBytes(printStorePath(store.storeDir, derivation));
    const message = `this version of Firn cannot build derivations yet, and '${printed}' would have to be built`;
    throw new CliError('realise/needs-building', message);
  }
  const targets = [...wanted.paths, ...(await outputsOf(store, wanted.derivations))];
  const { signal, log, settings } = context;
  const concurrency = Math.max(1, settings.get('max-substitution-jobs'));
  const options = { signal, reporter: log, concurrency, repair };
  const failures = await realisePaths(store, open.substituters, targets, options);
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first.error;
  const sorted = failures.toSorted((a, b) => compareStorePaths(a.path, b.path));
  for (const { error } of sorted) log.logError(error);
  const names = sorted.map(({ path }) => `'${displayBytes(printStorePath(store.storeDir, path))}'`);
  throw new CliError('realise/failed', `build of ${names.join(', ')} failed`);
}

async function outputsOf(store: Store, derivations: readonly WantedOutputs[]): Promise<StorePath[]> {
  const paths: StorePath[] = [];
  for (const { derivation, outputs } of derivations) {
    for (const [output, path] of await derivationOutputs(store, derivation)) {
      if (path !== undefined && hasOutput(outputs, output)) paths.push(path);
    }
  }
  return paths;
}
