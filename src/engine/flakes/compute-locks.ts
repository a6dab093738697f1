import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type FlakeRef,
  canonicalFlakeRef,
  canonicalPathOf,
  equalFlakeRefs,
  evalError,
  formatFlakeRef,
  isLockedInput,
  parentOf,
  relativePathOf,
} from '../../eval/index.ts';
import { printStorePath, splitStorePath } from '../../nix-compat/index.ts';
import { type Flake, type FlakeInput, type FlakeInputs, noInputs } from './flake.ts';
import { type FlakeReading, flakeFile, getFlake } from './get-flake.ts';
import { type InputPath, formatInputPath } from './input-path.ts';
import type { LockFlags } from './lock-flags.ts';
import { type LockEdge, type LockNode, type LockedNode, newRoot } from './lock-file.ts';
import { readFlake } from './read-flake.ts';
import type { RegistryUse } from './registries.ts';
import { indirectInput } from './registry.ts';
import { withTraceAsync } from '../evaluation/with-trace.ts';

export interface LocksRequest {
  readonly flake: Flake;
  /** The root of the lock file that there is; undefined where none counts. */
  readonly old: LockNode | undefined;
  readonly flags: LockFlags;
  /** For inputs of flakes. */
  readonly use: RegistryUse;
  /** The root of a lock file that is beside a `flake.nix`. */
  readonly readLocks: (flake: Flake) => LockNode;
  readonly warn: (message: string) => void;
}

export interface ComputedLocks {
  readonly root: LockNode;
  /** The folders, or files, of those nodes that were fetched; in the store. */
  readonly places: ReadonlyMap<LockNode, ByteString>;
}

/** What an ancestor says of an input of an input. */
interface Override {
  readonly input: FlakeInput;
  /** `flake.nix` of who says so: relative paths start there. */
  readonly from: ByteString;
  readonly parent: InputPath | undefined;
  /** Whether it is the command line's. */
  readonly isExplicit: boolean;
}

/** A flake whose inputs are to be locked. */
interface Locking {
  readonly inputs: FlakeInputs;
  readonly node: LockNode;
  readonly path: InputPath;
  /** What was locked before. */
  readonly old: LockNode | undefined;
  /** Where the paths start that `old` follows. */
  readonly followsFrom: InputPath;
  /** `flake.nix` of the flake. */
  readonly file: ByteString;
  /** Whether `inputs` are those of `old`, not of a `flake.nix`. */
  readonly trustsOld: boolean;
}

/**
 * Locks all inputs of a flake: keeps what was locked, as long as flakes ask for the same, and fetches what is new. Throws
 * `eval/…`.
 */
export async function computeLocks(reading: FlakeReading, request: LocksRequest): Promise<ComputedLocks> {
  const computation = new LockComputation(reading, request);
  const { flake, old, flags, warn } = request;
  const root = newRoot();
  computation.places.set(root, parentOf(flake.path));
  await computation.lock({
    inputs: flake.inputs,
    node: root,
    path: [],
    old,
    followsFrom: [],
    file: flake.path,
    trustsOld: false,
  });
  for (const { path, reference } of flags.overrides) {
    const shown = formatInputPath(path);
    if (computation.usedOverrides.has(shown)) continue;
    warn(`the flag '--override-input ${shown} ${formatFlakeRef(reference)}' does not match any input`);
  }
  for (const path of flags.updatedInputs) {
    const shown = formatInputPath(path);
    if (!computation.seen.has(shown)) warn(`'${shown}' does not match any input of this flake`);
  }
  return { root, places: computation.places };
}

class LockComputation {
  readonly places = new Map<LockNode, ByteString>();
  readonly usedOverrides = new Set<string>();
  /** Inputs that were come to and are of their own. */
  readonly seen = new Set<string>();
  readonly #reading: FlakeReading;
  readonly #request: LocksRequest;
  readonly #overrides = new Map<string, Override>();
  /** The flakes that the one is an input of that is being locked. */
  readonly #ancestors: FlakeRef[] = [];

  constructor(reading: FlakeReading, request: LocksRequest) {
    this.#reading = reading;
    this.#request = request;
    for (const { path, reference } of request.flags.overrides) {
      const input = { reference, isFlake: true, follows: undefined, overrides: noInputs };
      const override = { input, from: request.flake.path, parent: undefined, isExplicit: true };
      this.#overrides.set(formatInputPath(path), override);
    }
  }

  async lock(locking: Locking): Promise<void> {
    const { inputs, path } = locking;
    for (const [name, input] of inputs) this.#addOverrides(input, [...path, name], locking);
    const prefix = path.length === 0 ? '' : `${formatInputPath(path)}/`;
    for (const key of this.#overrides.keys()) {
      const name = key.startsWith(prefix) ? key.slice(prefix.length) : '/';
      if (name.includes('/') || inputs.has(name)) continue;
      const shown = formatInputPath(path);
      this.#request.warn(`input '${shown}' has an override for a non-existent input '${name}'`);
    }
    for (const [name, input] of inputs) {
      const shown = formatInputPath([...path, name]);
      await withTraceAsync({ text: `while updating the flake input '${shown}'` }, async () => {
        locking.node.inputs.set(name, await this.#lockInput(locking, name, input));
      });
    }
  }

  #addOverrides({ overrides }: FlakeInput, path: InputPath, locking: Pick<Locking, 'file' | 'path'>): void {
    const { file, path: parent } = locking;
    for (const [name, input] of overrides) {
      const at = [...path, name];
      const key = formatInputPath(at);
      const isGiven = input.reference !== undefined || input.follows !== undefined;
      // Whoever is nearer to the root has the say.
      if (isGiven && !this.#overrides.has(key)) {
        this.#overrides.set(key, { input, from: file, parent, isExplicit: false });
      }
      this.#addOverrides(input, at, locking);
    }
  }

  async #lockInput(locking: Locking, name: string, own: FlakeInput): Promise<LockEdge> {
    const { flags } = this.#request;
    const path = [...locking.path, name];
    const shown = formatInputPath(path);
    const override = this.#overrides.get(shown);
    if (override !== undefined) this.usedOverrides.add(shown);
    const input = override === undefined ? own : { ...override.input, isFlake: own.isFlake };
    // What it follows may come later.
    if (input.follows !== undefined) return { kind: 'follows', path: input.follows };
    const reference = input.reference ?? { input: indirectInput(name), folder: '' };
    const relative = relativePathOf(reference.input);
    const parent = relative === undefined ? undefined : override === undefined ? locking.path : override.parent;
    this.seen.add(shown);
    const wanted: Wanted = {
      path,
      reference,
      original: override?.isExplicit === true && own.reference !== undefined ? own.reference : reference,
      isFlake: input.isFlake,
      parent,
      place: relative === undefined ? undefined : resolveIn(parentOf(override?.from ?? locking.file), relative),
      use: override?.isExplicit === true && input.isFlake ? 'all' : this.#request.use,
    };
    const isUpdated = flags.updatedInputs.some(each => formatInputPath(each) === shown);
    const edge = isUpdated ? undefined : locking.old?.inputs.get(name);
    const old = edge?.kind === 'node' ? edge.node : undefined;
    const isKept =
      old !== undefined &&
      override?.isExplicit !== true &&
      equalFlakeRefs(canonicalFlakeRef(old.original), canonicalFlakeRef(reference)) &&
      equalParents(old.parent, parent);
    return { kind: 'node', node: isKept ? await this.#keep(locking, wanted, old) : await this.#create(wanted) };
  }

  /** As it was locked; its own inputs may be overridden or updated. */
  async #keep(locking: Locking, wanted: Wanted, old: LockedNode): Promise<LockedNode> {
    const { locked, original, isFlake, parent } = old;
    const node: LockedNode = { locked, original, isFlake, parent, inputs: new Map() };
    const { path } = wanted;
    const below = `${formatInputPath(path)}/`;
    const isUpdatedBelow = this.#request.flags.updatedInputs.some(each => formatInputPath(each).startsWith(below));
    const inputs = isUpdatedBelow ? undefined : this.#lockedInputs(locking, path, old);
    const { followsFrom } = locking;
    if (inputs === undefined) {
      const flake = await this.#getFlake({ ...wanted, reference: locked, use: this.#request.use });
      this.places.set(node, parentOf(flake.path));
      const file = flake.path;
      await this.lock({ inputs: flake.inputs, node, path, old, followsFrom, file, trustsOld: false });
    } else {
      await this.lock({ inputs, node, path, old, followsFrom, file: locking.file, trustsOld: true });
    }
    return node;
  }

  /** The inputs of a flake that is locked, without looking at it; undefined where it has to be looked at. */
  #lockedInputs(locking: Locking, path: InputPath, old: LockedNode): FlakeInputs | undefined {
    const inputs = new Map<string, FlakeInput>();
    for (const [name, edge] of old.inputs) {
      if (edge.kind === 'node') {
        const { original: reference, isFlake } = edge.node;
        inputs.set(name, { reference, isFlake, follows: undefined, overrides: noInputs });
        continue;
      }
      // That it follows another may have been said by an ancestor that does not say so any more.
      if (!locking.trustsOld && !this.#overrides.has(formatInputPath([...path, name]))) return undefined;
      const follows = [...locking.followsFrom, ...edge.path];
      inputs.set(name, { reference: undefined, isFlake: true, follows, overrides: noInputs });
    }
    return inputs;
  }

  async #create(wanted: Wanted): Promise<LockedNode> {
    const { flags, readLocks } = this.#request;
    const { path, reference, original, isFlake, parent, place } = wanted;
    if (!flags.allowsUnlocked && !isLockedInput(reference.input) && place === undefined) {
      throw evalError`cannot update unlocked flake input '${formatInputPath(path)}' in pure mode`;
    }
    if (!isFlake) return this.#createTree(wanted);
    const flake = await this.#getFlake(wanted);
    const node: LockedNode = { locked: flake.locked, original, isFlake, parent, inputs: new Map() };
    if (this.#ancestors.some(ancestor => equalFlakeRefs(ancestor, reference))) {
      throw evalError`found circular import of flake '${formatFlakeRef(reference)}'`;
    }
    this.#ancestors.push(reference);
    this.places.set(node, parentOf(flake.path));
    const [old, file] = [readLocks(flake), flake.path];
    await this.lock({ inputs: flake.inputs, node, path, old, followsFrom: path, file, trustsOld: false });
    this.#ancestors.pop();
    return node;
  }

  /** An input that is no flake. */
  async #createTree({ reference, original, parent, place, use }: Wanted): Promise<LockedNode> {
    if (place !== undefined) {
      const node: LockedNode = { locked: reference, original, isFlake: false, parent, inputs: new Map() };
      this.places.set(node, place);
      return node;
    }
    const { trees, sources } = this.#reading;
    const { locked, path } = await trees.mount(reference, use);
    const { folder } = reference;
    const tree = {
      locked: { ...locked, folder },
      original,
      isFlake: false,
      parent,
      inputs: new Map<string, LockEdge>(),
    };
    this.places.set(tree, printStorePath(sources.evaluator.io.storeDir, path));
    return tree;
  }

  async #getFlake({ reference, path, place, use }: Wanted): Promise<Flake> {
    if (place === undefined) return getFlake(this.#reading, reference, { use, inputPath: path });
    const file = flakeFile(displayBytes(place), reference.folder);
    const { access, io } = this.#reading.sources.evaluator;
    access?.check(file);
    // It must not lead out of the store.
    splitStorePath(io.storeDir, file);
    const names = { original: reference, resolved: reference, locked: reference };
    return readFlake(this.#reading.sources.evaluator, {
      ...names,
      path: file,
      shown: displayBytes(file),
      treeFingerprint: undefined,
      inputPath: path,
    });
  }
}

/** An input as it is to be locked. */
interface Wanted {
  readonly path: InputPath;
  readonly reference: FlakeRef;
  /** What the lock file says that was asked for: overrides of command lines stay until that changes. */
  readonly original: FlakeRef;
  readonly isFlake: boolean;
  readonly parent: InputPath | undefined;
  /** Where a relative path leads. */
  readonly place: ByteString | undefined;
  readonly use: RegistryUse;
}

/** A relative path from a folder in the store. */
function resolveIn(folder: ByteString, path: string): ByteString {
  return canonicalPathOf(brandAs<ByteString>(`${folder}/${byteStringFromText(path)}`));
}

function equalParents(a: InputPath | undefined, b: InputPath | undefined): boolean {
  return a === undefined || b === undefined ? a === b : formatInputPath(a) === formatInputPath(b);
}
