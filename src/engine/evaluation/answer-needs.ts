import { mapConcurrent, unreachable } from '../../base/index.ts';
import type { EvalNeed, FetchedTree, FlakeToCall, NeedAnswer } from '../../eval/index.ts';
import type { BuiltPath, StorePath } from '../../nix-compat/index.ts';
import { adoptPaths } from './adopt-paths.ts';
import type { ClosureNeed } from './fetch-closure.ts';
import { type Store, computeClosure, readDerivation, readInputDerivations } from '../../store/index.ts';

/** How an evaluation has made valid what it needs. */
export interface Realisation {
  /** Makes paths valid that are not; throws what keeps it from that. */
  readonly fetch: (path: StorePath) => Promise<void>;
  /** Gets the tree of an input, or what is at a URL; throws what keeps it from that. */
  readonly fetchTree: (need: FetchNeed) => Promise<FetchedTree>;
  /** Makes what another store has valid; throws what keeps it from that. */
  readonly fetchClosure: (need: ClosureNeed) => Promise<NeedAnswer>;
  /** Gets the flake that a reference names, with its inputs locked; throws what keeps it from that. */
  readonly getFlake: (reference: string) => Promise<FlakeToCall>;
  /** Makes outputs valid, the first one before all; what became of each, in this order. Throws what keeps it from that. */
  readonly build: (outputs: readonly BuiltPath[]) => Promise<readonly OutputOutcome[]>;
  /** Whether answers say what an evaluation may look at besides. */
  readonly wantsClosures: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What became of an output that an evaluation needs. */
export type OutputOutcome =
  | { readonly kind: 'there'; readonly path: StorePath }
  /** Nothing makes such a thing. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly error: Error }
  /** Something before it failed, after which it may not be needed. */
  | { readonly kind: 'called-off' };

export type FetchNeed = Extract<EvalNeed, { kind: 'download' | 'tree' }>;

type Answer = readonly [EvalNeed, NeedAnswer];

/** Needs other than outputs, whose number `max-jobs` limits. */
const answeredAtOnce = 8;

const absent: NeedAnswer = { kind: 'absent' };

/**
 * Answers the needs of an evaluation by a store: the first, and of the others what there is to say of them. Outputs are
 * asked for together, so that they can be built at a time.
 */
export async function answerNeeds(
  store: Store,
  needs: readonly EvalNeed[],
  realisation: Realisation,
): Promise<readonly Answer[]> {
  const outputs = needs.filter(need => need.kind === 'output');
  const others = needs.filter(need => need.kind !== 'output');
  const { signal } = realisation;
  // Nothing goes on when one of them throws.
  const answers = await Promise.allSettled([
    mapConcurrent(others, { limit: answeredAtOnce, signal }, need => answerOne(store, need, realisation)),
    outputs.length === 0 ? [] : answerOutputs(store, outputs, realisation).then(found => [found]),
  ]);
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  return answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value.flat() : []));
}

type OutputNeed = Extract<EvalNeed, { kind: 'output' }>;

async function answerOne(
  store: Store,
  need: Exclude<EvalNeed, OutputNeed>,
  realisation: Realisation,
): Promise<readonly Answer[]> {
  switch (need.kind) {
    case 'validity':
      return [[need, await objectAt(store, need.path, realisation)]];
    case 'presence':
      return [[need, await attempt(() => fetchObject(store, need.path, realisation), realisation)]];
    case 'derivation':
      return derivationsAt(store, need.path, realisation);
    case 'closure':
      return [[need, await attempt(() => realisation.fetchClosure(need), realisation)]];
    case 'flake': {
      const got = async (): Promise<NeedAnswer> => ({
        kind: 'flake',
        flake: await realisation.getFlake(need.reference),
      });
      return [[need, await attempt(got, realisation)]];
    }
    case 'download':
    case 'tree': {
      const fetched = async (): Promise<NeedAnswer> => ({ kind: 'tree', tree: await realisation.fetchTree(need) });
      return [[need, await attempt(fetched, realisation)]];
    }
    default:
      return unreachable(need);
  }
}

/** What cannot be had fails where the expression asks for it; what is aborted ends here. */
async function attempt(work: () => Promise<NeedAnswer>, { signal }: Realisation): Promise<NeedAnswer> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return { kind: 'failed', error };
  }
}

async function objectAt(store: Store, path: StorePath, realisation: Realisation): Promise<NeedAnswer> {
  const { signal, wantsClosures } = realisation;
  const info = await store.pathInfo(path, { signal });
  if (info === undefined) return absent;
  const closure = wantsClosures ? [...(await computeClosure(store, [path], { signal })).keys()] : undefined;
  return { kind: 'object', path, references: info.references, closure };
}

async function fetchObject(store: Store, path: StorePath, realisation: Realisation): Promise<NeedAnswer> {
  const found = await objectAt(store, path, realisation);
  if (found.kind !== 'absent') return found;
  await adoptPaths(store, [path], realisation.signal);
  const adopted = await objectAt(store, path, realisation);
  if (adopted.kind !== 'absent') return adopted;
  await realisation.fetch(path);
  return objectAt(store, path, realisation);
}

/** With the derivations that it is computed from: who asks for one asks for these next. */
async function derivationsAt(store: Store, path: StorePath, { signal }: Realisation): Promise<Answer[]> {
  if (!(await store.validPaths([path], { signal })).has(path)) return [aboutDerivation(path, absent)];
  const derivation = await readDerivation(store, path, { signal });
  const inputs = await readInputDerivations(store, derivation, { signal });
  return [[path, derivation] as const, ...inputs].map(([of, found]) => {
    return aboutDerivation(of, { kind: 'derivation', derivation: found });
  });
}

function aboutDerivation(path: StorePath, answer: NeedAnswer): Answer {
  return [{ kind: 'derivation', path }, answer];
}

async function answerOutputs(
  store: Store,
  needs: readonly OutputNeed[],
  realisation: Realisation,
): Promise<readonly Answer[]> {
  let built: readonly OutputOutcome[];
  try {
    built = await realisation.build(needs.map(({ path }) => path));
  } catch (error) {
    realisation.signal?.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return needs.map(need => [need, { kind: 'failed', error }]);
  }
  const answers: Answer[] = [];
  for (const [index, need] of needs.entries()) {
    const outcome = built[index];
    if (outcome === undefined || outcome.kind === 'called-off') continue;
    answers.push([need, outcome.kind === 'there' ? await objectAt(store, outcome.path, realisation) : outcome]);
  }
  return answers;
}
