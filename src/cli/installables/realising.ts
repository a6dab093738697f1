import { displayBytes } from '../../base/index.ts';
import {
  BuildError,
  type RealisationPlan,
  type Realised,
  type RealisedPath,
  Realiser,
  failingExitStatus,
  planRealisation,
} from '../../engine/index.ts';
import {
  type BuildFailure,
  type BuildMode,
  type BuildResult,
  type DerivingPath,
  type StoreDir,
  formatDerivingPath,
  formatSingleDerivingPath,
  isBuildSuccess,
} from '../../nix-compat/index.ts';
import { type Store, WorkerStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { ExitStatus } from '../exit-status.ts';
import { openBuilder } from '../open-builder.ts';
import { openSubstituters } from '../open-substituters.ts';
import { printMissing } from './print-missing.ts';
import { readRealiseSettings } from './read-realise-settings.ts';
import { RemoteRealiser } from './remote-realiser.ts';

export interface RealiseOptions {
  /** `normal` unless given. */
  readonly mode?: BuildMode;
  /** The status that the command ends with if something fails: 1, or what tells how (`nix-build`). 1 unless given. */
  readonly failureStatus?: 'plain' | 'telling';
}

/**
 * Makes deriving paths valid for a command, as the settings say, as long as it is not disposed of.
 *
 *     await using realising = await openRealising(store, context);
 *     await realising.tell(wanted);
 *     for (const { result } of await realising.realise(wanted)) ...
 */
export interface Realising extends AsyncDisposable {
  /** Throws as `planRealisation`. */
  plan(wanted: readonly DerivingPath[]): Promise<RealisationPlan>;
  /** Says what will have to be done, unless the setting `print-missing` is off. */
  tell(wanted: readonly DerivingPath[]): Promise<void>;
  /** All of `wanted`, in its order. Throws `BuildError` for one failure, `realise/failed` for several, `ExitStatus`. */
  realise(wanted: readonly DerivingPath[], options?: RealiseOptions): Promise<readonly RealisedPath[]>;
  /** As `realise`; failures are among what is returned. */
  outcomes(wanted: readonly DerivingPath[]): Promise<readonly RealisedPath[]>;
  /**
   * What became of each of `wanted`, failures, too. Unless the setting `keep-going` is on, a failure of the first calls off
   * those that have not ended, which are left out then.
   */
  attempt(wanted: readonly DerivingPath[]): Promise<ReadonlyMap<DerivingPath, BuildResult>>;
}

/** What an evaluation asks for. */
export type EvaluationRealising = Pick<Realising, 'attempt' | 'plan' | 'realise'>;

export async function openRealising(
  store: Store,
  context: CommandContext,
  { evalStore = store }: { readonly evalStore?: Store } = {},
): Promise<Realising> {
  const { settings, log, signal } = context;
  await using stack = new AsyncDisposableStack();
  const { substituters } = stack.use(openSubstituters(store, context));
  const remote = store instanceof WorkerStore ? new RemoteRealiser(store, evalStore, context) : undefined;
  const realiser =
    remote ??
    new Realiser({
      store,
      evalStore,
      substituters,
      builder: openBuilder(store, context, stack),
      reporter: log,
      settings: readRealiseSettings(settings),
    });
  const resources = stack.move();
  let last: RealisationPlan | undefined;
  const makePlan = async (wanted: readonly DerivingPath[], seeksUnplanned: boolean): Promise<RealisationPlan> => {
    const alwaysAllowSubstitutes = settings.get('always-allow-substitutes');
    const options = { evalStore, alwaysAllowSubstitutes, signal };
    const found = await (remote?.plan(wanted, { seeksUnplanned }) ??
      planRealisation({ store, substituters }, wanted, options));
    last = found;
    return found;
  };
  return {
    plan: wanted => makePlan(wanted, true),
    tell: async wanted => {
      if (settings.get('print-missing')) printMissing(store, await makePlan(wanted, false), { log, level: 'info' });
    },
    realise: async (wanted, { mode = 'normal', failureStatus = 'plain' } = {}) => {
      const realised = await realiser.realise(wanted, { mode, signal, plan: last });
      requireSuccess(store.storeDir, realised, { context, failureStatus });
      return realised.paths;
    },
    outcomes: async wanted => (await realiser.realise(wanted, { signal, plan: last })).paths,
    attempt: async wanted => {
      const { paths } = await realiser.realise(wanted, { signal, areIndependent: true });
      return new Map(paths.map(({ path, result }) => [path, result]));
    },
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  };
}

function requireSuccess(
  storeDir: StoreDir,
  { paths, failures }: Realised,
  {
    context: { log },
    failureStatus,
  }: { readonly context: CommandContext; readonly failureStatus: 'plain' | 'telling' },
): void {
  const isTelling = failureStatus === 'telling';
  const errors: BuildError[] = [];
  const names = new Set<string>();
  for (const { path, result } of paths) {
    if (isBuildSuccess(result.outcome)) continue;
    errors.push(buildErrorOf(result.outcome));
    const printed =
      path.kind === 'built' && isTelling
        ? formatSingleDerivingPath(storeDir, path.derivation)
        : formatDerivingPath(storeDir, path);
    names.add(displayBytes(printed));
  }
  const [first] = errors;
  if (first === undefined) return;
  let error: Error = first;
  if (names.size > 1) {
    for (const each of errors) log.logError(each);
    const list = [...names].toSorted().map(name => `'${name}'`);
    error = new CliError('realise/failed', `build of ${list.join(', ')} failed`);
  }
  if (!isTelling) throw error;
  log.logError(error);
  throw new ExitStatus(failingExitStatus(failures));
}

/** What did not become valid, as an error. */
export function buildErrorOf({ status, message }: BuildFailure): BuildError {
  return new BuildError(status, displayBytes(message));
}
