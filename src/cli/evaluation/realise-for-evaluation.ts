import { type ByteString, displayBytes } from '../../base/index.ts';
import {
  type OutputOutcome,
  type Realisation,
  type Registries,
  downloadFile,
  fetchArchive,
  fetchClosure,
  fetchTree,
} from '../../engine/index.ts';
import { inputFromAttributes, inputToUrl, isDirectInput } from '../../eval/index.ts';
import {
  type BuildResult,
  type BuiltPath,
  type DerivingPath,
  derivingPathOf,
  formatSingleDerivingPath,
  isBuildSuccess,
  opaquePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, copyPaths, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openStoreAt } from '../open-store.ts';
import { type EvaluationRealising, buildErrorOf } from '../installables/realising.ts';
import { fetchContext } from './fetch-context.ts';

export interface RealiseForEvaluationOptions {
  readonly evalStore: Store;
  readonly writes: boolean;
  /** Whether the evaluation wants to know all that a closure has. */
  readonly wantsMembers: boolean;
  /** A folder that is there as long as the evaluation goes on. */
  readonly downloads: () => string;
  /** Gets warnings of what is fetched. */
  readonly warn: (message: string) => void;
  /** What makes things valid, as long as the evaluation goes on. */
  readonly realising: () => Promise<EvaluationRealising>;
  readonly registries: Registries;
}

/** How an evaluation has made valid what it needs; where nothing is written, what is not there cannot be had. */
export function realiseForEvaluation(
  store: Store,
  context: CommandContext,
  {
    evalStore,
    writes,
    wantsMembers,
    downloads,
    warn,
    realising: openedRealising,
    registries,
  }: RealiseForEvaluationOptions,
): Pick<Realisation, 'fetch' | 'fetchTree' | 'fetchClosure' | 'build'> {
  const { signal } = context;
  return {
    fetch: async path => {
      if (!writes) throw noWriteAccess(printStorePath(store.storeDir, path));
      const realising = await openedRealising();
      await realising.realise([opaquePath(path)]);
    },
    fetchTree: async need => {
      if (need.kind === 'tree') {
        const input = inputFromAttributes(need.input);
        const { input: direct } = isDirectInput(input)
          ? { input }
          : await registries.resolve({ input, folder: '' }, need.usesAllRegistries === true ? 'all' : 'limited');
        return fetchTree(direct.attributes, inputToUrl(direct), fetchContext(context, downloads, warn));
      }
      if (need.unpacks) {
        return fetchArchive(need.url, new Map([['url', need.url]]), fetchContext(context, downloads, warn));
      }
      const { settings, log: reporter } = context;
      return downloadFile(need.url, downloads(), { settings, reporter, signal });
    },
    fetchClosure: need => {
      const { log: reporter } = context;
      return fetchClosure(evalStore, need, {
        openStore: uri => openStoreAt(uri, context),
        reporter,
        wantsMembers,
        signal,
      });
    },
    build: async outputs => {
      if (!writes) return Promise.all(outputs.map(findOutput));
      const wanted = outputs.map(derivingPathOf);
      const realising = await openedRealising();
      const results = await realising.attempt(wanted);
      const outcomes: OutputOutcome[] = [];
      for (const [index, path] of wanted.entries()) {
        const result = results.get(path);
        const outcome = outcomeOf(result, outputs[index]?.output);
        outcomes.push(outcome.kind === 'failed' ? await explain(outcome, { path, realising }) : outcome);
      }
      // Evaluations look at what they have built where they look at everything.
      if (evalStore !== store) {
        const paths = outcomes.flatMap(outcome => (outcome.kind === 'there' ? [outcome.path] : []));
        await copyPaths(store, evalStore, paths, { closure: true, signal });
      }
      return outcomes;
    },
  };

  /** Where nothing can be built, an error says what would have been. */
  async function explain(
    outcome: Extract<OutputOutcome, { readonly kind: 'failed' }>,
    { path, realising }: { readonly path: DerivingPath; readonly realising: EvaluationRealising },
  ): Promise<OutputOutcome> {
    if (context.settings.get('max-jobs') !== 0) return outcome;
    const { willBuild } = await realising.plan([path]);
    if (willBuild.size < 2) return outcome;
    const list = [...willBuild].map(each => `\n  ${displayBytes(printStorePath(store.storeDir, each))}`);
    const message = `${outcome.error.message}\nThese derivations would have been built:${list.join('')}`;
    return { kind: 'failed', error: new CliError('realise/failed', message) };
  }

  async function findOutput(wanted: BuiltPath): Promise<OutputOutcome> {
    const { derivation, output } = wanted;
    const outputs =
      derivation.kind === 'opaque' ? await derivationOutputs(store, derivation.path, { evalStore, signal }) : undefined;
    const path = outputs?.get(output);
    if (path !== undefined && (await store.validPaths([path], { signal })).has(path)) return { kind: 'there', path };
    const { storeDir } = store;
    const shown = path === undefined ? formatSingleDerivingPath(storeDir, wanted) : printStorePath(storeDir, path);
    return { kind: 'failed', error: noWriteAccess(shown) };
  }
}

function noWriteAccess(path: ByteString): CliError {
  const message = `cannot substitute path '${displayBytes(path)}' - no write access to the Nix store`;
  return new CliError('realise/read-only', message);
}

function outcomeOf(result: BuildResult | undefined, output: BuiltPath['output'] | undefined): OutputOutcome {
  if (result === undefined) return { kind: 'called-off' };
  const { outcome } = result;
  if (!isBuildSuccess(outcome)) return { kind: 'failed', error: buildErrorOf(outcome) };
  const path = output === undefined ? undefined : outcome.builtOutputs.get(output)?.path;
  return path === undefined ? { kind: 'absent' } : { kind: 'there', path };
}
