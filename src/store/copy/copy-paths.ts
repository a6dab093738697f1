import {
  type Activity,
  type Reporter,
  displayBytes,
  mapConcurrent,
  messageOf,
  silentReporter,
} from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type PathInfo,
  type Realisation,
  type StorePath,
  makeStorePathFromCA,
  printStorePath,
  storePathName,
} from '../../nix-compat/index.ts';
import { type AdditionFailure, type PathAddition, type Store, requireFacet } from '../store.ts';
import { computeClosure } from '../closure/compute-closure.ts';
import { requirePathInfo } from '../require-path-info.ts';
import { CopyTally } from './copy-tally.ts';
import { offerPath } from './offer-path.ts';

export interface CopyOptions extends CallOptions {
  /** Whether all that the paths refer to is copied, too. False unless given. */
  readonly closure?: boolean;
  /** As for `PathWriter.add`. True unless given. */
  readonly checkSignatures?: boolean;
  /** Whether paths that the destination has get their contents anew. */
  readonly repair?: boolean;
  /** Whether the destination first has what it can from its own substituters, if it is behind a connection. */
  readonly substitute?: boolean;
  /** Whether the others are still copied when one fails. */
  readonly keepGoing?: boolean;
  /** As for `PathWriter.add`. */
  readonly held?: ReadonlySet<StorePath> | undefined;
  /** What is registered in the destination once the paths are there. */
  readonly realisations?: readonly Realisation[];
  readonly reporter?: Reporter;
}

export interface CopyResult {
  /** What the paths are called in the destination. */
  readonly paths: ReadonlyMap<StorePath, StorePath>;
  /** Empty unless `keepGoing`. They were reported. */
  readonly failures: readonly AdditionFailure[];
}

/** Questions that the source is asked at a time; stores that are far away have limits of their own. */
const questionsAtOnce = 64;

/**
 * Makes `paths` of `from` valid in `to`: those that are not yet, as many at a time as `to` likes, each streamed from one
 * store into the other. What is addressed by its content and refers to nothing gets the name that it has in the store
 * directory of `to`. Throws `path/invalid` for what `from` lacks, `store/unsupported`, and as `PathWriter.add`.
 */
export async function copyPaths(
  from: Store,
  to: Store,
  paths: Iterable<StorePath>,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const {
    closure = false,
    repair = false,
    substitute = false,
    reporter = silentReporter,
    realisations = [],
    signal,
  } = options;
  const infos = closure ? await computeClosure(from, paths, { signal }) : new Map<StorePath, PathInfo>();
  const wanted = new Set(closure ? infos.keys() : paths);
  const valid = repair ? undefined : await to.validPaths(wanted, { signal, substitute });
  const missing = [...wanted].filter(path => valid?.has(path) !== true);
  using copying = reporter.startActivity({
    type: 'copyPaths',
    level: 'info',
    text: `copying ${missing.length} paths`,
  });
  const additions = await mapConcurrent(missing, { limit: questionsAtOnce, signal }, async (source, stop) => {
    const info = infos.get(source) ?? (await requirePathInfo(from, source, { signal: stop }));
    return { source, info: infoAt(to, from, info) };
  });
  const names = new Map(Array.from(wanted, path => [path, path]));
  for (const { source, info } of additions) names.set(source, info.path);
  // Of a closure nothing else is referred to.
  const known = closure && from.storeDir === to.storeDir ? valid : undefined;
  const failures = additions.length === 0 ? [] : await add({ from, to, additions, copying, valid: known }, options);
  if (realisations.length > 0) {
    const writer = requireFacet(to, 'writer', 'registerDrvOutput');
    for (const realisation of realisations) await writer.addRealisation(realisation, { signal });
  }
  return { paths: names, failures };
}

interface Addition {
  /** What the path is called where it comes from. */
  readonly source: StorePath;
  /** What the destination is told of it. */
  readonly info: PathInfo;
}

interface Copying {
  readonly from: Store;
  readonly to: Store;
  readonly additions: readonly Addition[];
  readonly copying: Activity;
  /** As of `AddPathsOptions`. */
  readonly valid: ReadonlySet<StorePath> | undefined;
}

async function add({ from, to, additions, copying, valid }: Copying, options: CopyOptions): Promise<AdditionFailure[]> {
  const { checkSignatures = true, repair = false, keepGoing = false, held, signal } = options;
  const tally = new CopyTally(copying, additions.length);
  copying.setExpected(
    'copyPath',
    additions.reduce((sum, { info }) => sum + info.narSize, 0),
  );
  const offered = additions.map(({ source, info }): PathAddition => {
    // A place that is trusted for substitutes is not for copies, which can do without signatures by `checkSignatures`.
    const offer = offerPath(from, to, { source, info, isTrusted: false, reporter: copying });
    return { path: info.path, offers: [tally.watch(offer)] };
  });
  const failures = await requireFacet(to, 'writer', 'addToStore').add(offered, {
    signal,
    checkSignatures,
    repair,
    keepGoing,
    held,
    knownValid: valid,
    added: () => tally.countDone(),
  });
  tally.countFailed(failures.length);
  for (const { path, error } of failures) {
    const shown = displayBytes(printStorePath(to.storeDir, path));
    copying.log('error', `could not copy ${shown}: error: ${messageOf(error)}`);
  }
  return failures;
}

/** What `to` is told of a path: not that it was built there. */
function infoAt(to: Store, from: Store, info: PathInfo): PathInfo {
  const told = info.ultimate === true ? { ...info, ultimate: false } : info;
  const keepsName = to.storeDir === from.storeDir || info.contentAddress === undefined || info.references.length > 0;
  if (keepsName) return told;
  return { ...told, path: makeStorePathFromCA(to.storeDir, storePathName(info.path), info.contentAddress) };
}
