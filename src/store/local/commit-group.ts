import { setTimeout as delay } from 'node:timers/promises';
import { type FileNode, type TreeDraft, walkNodes } from '../../castore/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { topologicalOrder } from '../closure/topological-order.ts';
import { StoreError } from '../error.ts';
import { Checkouts } from './checkouts.ts';
import { type DraftPlace, DraftPlaces } from './draft-places.ts';
import type { LocalStore } from './local-store.ts';
import type { KnownOutput } from './path-table.ts';
import type { StagedPath } from './staged-path.ts';

export interface CommitGroupOptions {
  /** Whether paths that are valid already are checked out anew. */
  readonly repair: boolean;
  /** Whether what lies in the store directory already stays until the new checkout is complete. */
  readonly replace: boolean;
  /** Paths that the caller has locked. */
  readonly held?: ReadonlySet<StorePath> | undefined;
  readonly signal: AbortSignal;
  /** Told of a path that cannot be added, and of those that refer to it. */
  readonly fail: (path: StorePath, error: unknown) => void;
  /** Records what belongs to paths in the transaction that makes them valid. */
  readonly record?: (paths: ReadonlySet<StorePath>) => void;
  /**
   * Whether paths may be valid for this process before they are durable: is told when they are that, or turned out not to
   * become it. Unless given they are durable first.
   */
  readonly early?: ((settled: Promise<void>) => void) | undefined;
  /** Told of each path that is valid from now on. */
  readonly valid: (path: StorePath) => void;
}

/** In milliseconds: after which those that are locked are tried again. */
const retryDelay = 20;

type Group = ReadonlyMap<StorePath, StagedPath>;

/**
 * Makes paths valid, in this order, so that a crash leaves at most checkouts that nobody counts on: their blobs and their
 * checkouts become durable, then one transaction makes all of them valid. `group` is closed under references, together
 * with what is valid.
 *
 * Paths that somebody else has locked (who is adding, building or deleting them) are returned, with those that refer to
 * them, to be committed later; the batches of all others are disposed of. An error that is thrown concerns all that is neither valid nor failed by then.
 */
export async function commitGroup(store: LocalStore, group: Group, options: CommitGroupOptions): Promise<Group> {
  const left = new Map(group);
  await using resources = new AsyncDisposableStack();
  try {
    // What a store below has need not be added, and may be referred to.
    await store.inherit(Array.from(group.values(), ({ info }) => [info.path, ...info.references]).flat(), options);
    const order = topologicalOrder(store.storeDir, group.keys(), path => group.get(path)?.info.references ?? []);
    const locked = await lockGroup(store, { group, order }, options);
    resources.use(locked.locks);
    const taken = new Map<StorePath, StagedPath>();
    for (const path of locked.paths) {
      const staged = left.get(path);
      if (staged !== undefined) taken.set(path, staged);
      left.delete(path);
    }
    for (const path of options.repair ? [] : store.paths.validOf(taken.keys())) {
      // Added by somebody else since.
      taken.delete(path);
      options.valid(path);
    }
    for (const [path, { batch }] of group) if (!left.has(path)) resources.use(batch);
    if (taken.size > 0) await commitLocked(store, taken, { ...options, resources });
    return left;
  } catch (error) {
    for (const { batch } of group.values()) resources.use(batch);
    left.clear();
    throw error;
  }
}

interface Locked {
  readonly paths: readonly StorePath[];
  readonly locks: DisposableStack;
}

/** Locks those of a group that can be locked at once, closed under references; waits a little if none can. */
async function lockGroup(
  store: LocalStore,
  { group, order }: { readonly group: Group; readonly order: readonly StorePath[] },
  { held, signal }: CommitGroupOptions,
): Promise<Locked> {
  using locks = new DisposableStack();
  const own = locks.use(store.pathLocks.open());
  const paths = new Set<StorePath>();
  for (const path of order) {
    const references = group.get(path)?.info.references ?? [];
    if (!references.every(reference => reference === path || paths.has(reference) || !group.has(reference))) continue;
    if (held?.has(path) === true || own.tryLock(path)) paths.add(path);
  }
  // Not waited for: what else is staged meanwhile need not wait for it.
  if (paths.size === 0) await delay(retryDelay, undefined, { signal });
  return { paths: [...paths], locks: locks.move() };
}

interface LockedOptions extends CommitGroupOptions {
  /** What is held until the paths are durable, or are not to become valid. */
  readonly resources: AsyncDisposableStack;
}

async function commitLocked(store: LocalStore, taken: Map<StorePath, StagedPath>, options: LockedOptions) {
  const fail = (path: StorePath, error: unknown) => {
    taken.delete(path);
    options.fail(path, error);
  };
  const areDrafts = [...taken.values()].every(({ draft }) => draft !== undefined);
  const isEarly = areDrafts && options.early !== undefined && (await commitEarly(store, taken, { ...options, fail }));
  if (!isEarly) {
    await (areDrafts ? commitDrafts : commitBlobs)(store, taken, { ...options, fail });
    // It may have become a part of what is not durable yet.
    await store.earlyCommits.settle();
  }
  for (const path of taken.keys()) options.valid(path);
}

/** As `commitDrafts`, waiting for the disk afterwards; false where that is no matter of a moment. */
async function commitEarly(store: LocalStore, taken: Map<StorePath, StagedPath>, options: LockedOptions) {
  const { fail, early, replace } = options;
  if (replace || !(await store.earlyCommits.ready())) return false;
  const outputs = store.derivations.outputsOf(new Map(taken), fail);
  failDependents(store, taken, fail);
  using owned = new DisposableStack();
  const places = owned.use(new DraftPlaces(store, replace));
  const targets = new Map<TreeDraft, string>();
  for (const [path, { draft }] of taken) if (draft !== undefined) targets.set(draft, places.prepare(path).target);
  const drafts = store.blobs.placeEarly(
    Array.from(taken.values(), ({ batch }) => batch),
    targets,
  );
  if (drafts === undefined) return false;
  const paths = [...taken.keys()];
  const held = new AsyncDisposableStack();
  const settled = store.earlyCommits.add({
    drafts,
    record: () => {
      failDependents(store, taken, fail);
      register(store, taken, { ...options, outputs });
    },
    keep: () => places.keep(paths),
    held,
  });
  // What did not become valid is removed while it is locked.
  held.use(options.resources.move());
  held.use(owned.move());
  early?.(settled);
  return true;
}

/** By placing drafts: their blobs and the paths are recorded in one transaction. */
async function commitDrafts(store: LocalStore, taken: Map<StorePath, StagedPath>, options: CommitGroupOptions) {
  const { fail, replace, signal } = options;
  const outputs = store.derivations.outputsOf(new Map(taken), fail);
  failDependents(store, taken, fail);
  using places = new DraftPlaces(store, replace);
  const placings = new Map<TreeDraft, DraftPlace>();
  const paths = new Map<TreeDraft, StorePath>();
  for (const [path, { draft }] of taken) {
    if (draft === undefined) continue;
    placings.set(draft, places.prepare(path));
    paths.set(draft, path);
  }
  const batches = Array.from(taken.values(), ({ batch }) => batch);
  await store.blobs.commitAll(batches, {
    signal,
    places: placings,
    notPlaced: (draft, error) => {
      const path = paths.get(draft);
      if (path !== undefined) fail(path, error);
    },
    record: () => {
      failDependents(store, taken, fail);
      register(store, taken, { ...options, outputs });
    },
  });
  places.keep(taken.keys());
}

/** By making checkouts of blobs, for want of drafts. */
async function commitBlobs(store: LocalStore, taken: Map<StorePath, StagedPath>, options: CommitGroupOptions) {
  const { fail, signal } = options;
  const batches = Array.from(taken.values(), ({ batch }) => batch);
  await store.blobs.commitAll(batches, { signal });
  const outputs = store.derivations.outputsOf(new Map(taken), fail);
  failDependents(store, taken, fail);
  const unprepared = [...taken.values()].filter(({ batch }) => !batch.isPrepared);
  await store.blobs.prepareFiles(await filesOf(store, unprepared, signal), signal);
  using checkouts = new Checkouts(store, options.replace);
  for (const [path, { root }] of taken) {
    try {
      await checkouts.make({ path, root }, { files: store.preparedFiles, signal });
    } catch (error) {
      signal.throwIfAborted();
      fail(path, error);
    }
  }
  failDependents(store, taken, fail);
  checkouts.publish(taken);
  register(store, taken, { ...options, outputs });
  checkouts.keep();
}

function register(
  store: LocalStore,
  taken: ReadonlyMap<StorePath, StagedPath>,
  { outputs, record }: Pick<CommitGroupOptions, 'record'> & { readonly outputs: ReadonlyMap<StorePath, KnownOutput[]> },
): void {
  if (taken.size === 0) return;
  store.blobs.folder.database.transaction(() => {
    store.paths.register(Array.from(taken, ([path, { info, root }]) => withOutputs({ info, root }, outputs.get(path))));
    record?.(new Set(taken.keys()));
  });
}

function withOutputs<T extends object>(valid: T, outputs: readonly KnownOutput[] | undefined) {
  return outputs === undefined ? valid : { ...valid, outputs };
}

/** Fails those that refer to what was to be committed with them and is not among `taken` any more. */
function failDependents(
  store: LocalStore,
  taken: ReadonlyMap<StorePath, StagedPath>,
  fail: (path: StorePath, error: unknown) => void,
): void {
  const known = new Set<StorePath>();
  for (const [path, { info }] of taken) {
    const unknown = info.references.filter(each => each !== path && !taken.has(each) && !known.has(each));
    const valid = store.paths.validOf(unknown);
    const missing = unknown.find(reference => !valid.has(reference));
    for (const reference of valid) known.add(reference);
    if (missing === undefined) continue;
    const [printed, absent] = [path, missing].map(each => printStorePath(store.storeDir, each));
    const message = `cannot add path '${printed}' because its reference, path '${absent}' is not valid`;
    fail(path, new StoreError('path/missing-reference', message));
  }
}

/** Every file of some trees, each once. A directory that several have is looked at once. */
async function filesOf(
  store: LocalStore,
  staged: Iterable<StagedPath>,
  signal: AbortSignal,
): Promise<Iterable<FileNode>> {
  const files = new Map<string, FileNode>();
  for (const { root } of staged) {
    for await (const visit of walkNodes(store.blobs, root, '', { signal })) {
      if (visit.step === 'node' && visit.node.kind === 'file')
        files.set(`${visit.node.digest.hash}${visit.node.executable}`, visit.node);
    }
  }
  return files.values();
}
