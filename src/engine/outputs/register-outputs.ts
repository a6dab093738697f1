import {
  type BuiltOutput,
  NixCompatError,
  type OutputName,
  type PathInfo,
  type Realisation,
  type StorePath,
  fingerprintPathInfo,
  fingerprintRealisation,
  isDerivationPath,
  outputPath,
  sortSignatures,
  storePathHashPart,
  equalHashes,
} from '../../nix-compat/index.ts';
import { type LocalStore, type StagedPath, commitStaged } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import { checkOutputs } from './check-outputs.ts';
import type { FinishedBuild } from './finished-build.ts';
import { orderOutputs } from './order-outputs.ts';
import { type DraftContext, OutputDraft } from './output-draft.ts';
import { rejection, shownFile, shownPath } from './rejection.ts';
import type { BuildUsers } from './require-output.ts';

export interface RegisterOutputsOptions {
  readonly signal: AbortSignal;
  /** To whom everything must belong that the builder left; to anybody unless given. */
  readonly users?: BuildUsers;
  /** Whether realisations are registered (`ca-derivations`); impure outputs have none in any case. */
  readonly realisations: boolean;
  /**
   * Whether the outputs may be valid for this process before they are durable and valid for everybody: is told when they
   * are that, or turned out not to become it.
   */
  readonly early?: ((settled: Promise<void>) => void) | undefined;
  /**
   * Mode `check`: is told of the first output that differs from what is valid, which then stays beside it, before the
   * build is said to have failed. Without, what differs is not kept.
   */
  readonly differs?: (difference: OutputDifference) => Promise<void>;
}

export interface OutputDifference {
  /** On this machine's disk. */
  readonly valid: string;
  /** `<valid>.check`: what was built now. */
  readonly built: string;
}

/**
 * Makes what a builder left valid store paths, all of them or none, and returns which they are; nothing in mode `check`,
 * where they are compared with what is valid. The tree of each is taken over into the castore, so that nobody who had a
 * hand on the builder's files has one on the store's; they stay the caller's to remove, but where they lie where the
 * output belongs.
 *
 * The caller holds the locks of the output paths that follow from the derivation, keeps the inputs from being collected,
 * and has ended all processes of the builder. Throws `BuildError` for what is wrong with the outputs; the content of a
 * fixed output that has another hash becomes valid all the same, so that it need not be fetched again once the hash is
 * corrected.
 */
export async function registerOutputs(
  store: LocalStore,
  finished: FinishedBuild,
  options: RegisterOutputsOptions,
): Promise<ReadonlyMap<OutputName, BuiltOutput>> {
  await using registration = new OutputRegistration(store, finished, options);
  return await registration.run();
}

class OutputRegistration implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #finished: FinishedBuild;
  readonly #options: RegisterOutputsOptions;
  /** In byte order of their names. */
  readonly #drafts = new Map<OutputName, OutputDraft>();
  readonly #finals = new Map<StorePath, StorePath>();
  readonly #infos = new Map<OutputName, PathInfo>();
  readonly #shown: string;
  /** In byte order of their names. */
  readonly #outputs: FinishedBuild['outputs'];

  constructor(store: LocalStore, finished: FinishedBuild, options: RegisterOutputsOptions) {
    this.#store = store;
    this.#finished = finished;
    this.#options = options;
    this.#outputs = new Map([...finished.outputs].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    this.#shown = shownPath(store.storeDir, finished.path);
  }

  async run(): Promise<ReadonlyMap<OutputName, BuiltOutput>> {
    const { mode } = this.#finished;
    this.#store.requireWritable();
    // Before the first batch: a collection waits for batches to end.
    await this.#store.makeRoom();
    await this.#read();
    await this.#settle();
    if (mode === 'check') {
      checkOutputs(this.#store, this.#finished, this.#sortedInfos());
      return new Map();
    }
    try {
      checkOutputs(this.#store, this.#finished, this.#sortedInfos());
    } catch (error) {
      if (error instanceof BuildError && error.status === 'HashMismatch') await this.#commit([], false);
      throw error;
    }
    const realisations = this.#options.realisations ? this.#realisations() : [];
    await this.#commit(realisations, true);
    return this.#built(new Map(realisations.map(realisation => [realisation.id.output, realisation])));
  }

  async #read(): Promise<void> {
    const { inputs, mode } = this.#finished;
    const scratches = Array.from(this.#outputs.values(), ({ scratch }) => scratch);
    const candidates = new Map([...inputs, ...scratches].map(path => [storePathHashPart(path), path]));
    const { users, signal } = this.#options;
    const context: DraftContext = { store: this.#store, finished: this.#finished, users, signal, candidates };
    for (const [name, left] of this.#outputs) {
      if (mode !== 'check' && left.valid !== undefined) this.#finals.set(left.scratch, left.valid);
      else {
        const draft = new OutputDraft(context, name, left);
        this.#drafts.set(name, draft);
        await draft.read();
      }
    }
  }

  /** Finds the paths of the outputs, each after those that it refers to: these are named by their paths in it. */
  async #settle(): Promise<void> {
    const { mode } = this.#finished;
    const names = new Map(Array.from(this.#outputs, ([name, { scratch }]) => [scratch, name]));
    const order = orderOutputs({
      outputs: this.#drafts.keys(),
      referencesOf: name => namesOf(this.#drafts.get(name)?.references ?? [], names),
      shown: this.#shown,
    });
    for (const name of order) {
      const draft = this.#drafts.get(name);
      const left = this.#outputs.get(name);
      if (draft === undefined || left === undefined) continue;
      const info = await draft.settle(this.#finals);
      this.#finals.set(left.scratch, info.path);
      this.#infos.set(name, info);
      if (mode === 'check') await this.#compare(draft, info);
    }
  }

  /** In byte order of their names. */
  #sortedInfos(): ReadonlyMap<OutputName, PathInfo> {
    return new Map(
      Array.from(this.#drafts.keys()).flatMap(name => {
        const info = this.#infos.get(name);
        return info === undefined ? [] : [[name, info]];
      }),
    );
  }

  async #compare(draft: OutputDraft, info: PathInfo): Promise<void> {
    const store = this.#store;
    const valid = await store.pathInfo(info.path);
    if (valid === undefined) return;
    if (equalHashes(valid.narHash, info.narHash)) return this.#trust(info.path);
    const real = store.realPath(info.path);
    let from = '';
    if (this.#options.differs !== undefined) {
      const built = `${real}.check`;
      await draft.checkOut(built);
      await this.#options.differs({ valid: real, built });
      from = ` from ${shownFile(built)}`;
    }
    throw new BuildError(
      'NotDeterministic',
      `derivation '${this.#shown}' may not be deterministic: output ${shownFile(real)} differs${from}`,
    );
  }

  /** Now that it was built here it needs nobody else's word. */
  #trust(path: StorePath): void {
    const store = this.#store;
    const valid = store.paths.require(path);
    if (valid.info.ultimate === true) return;
    const own = store.sign(fingerprintPathInfo(store.storeDir, valid.info));
    const signatures = sortSignatures([...valid.info.signatures, ...own]);
    store.paths.register([{ ...valid, info: { ...valid.info, ultimate: true, signatures } }]);
  }

  async #commit(realisations: readonly Realisation[], isEarly: boolean): Promise<void> {
    const { mode, derivation } = this.#finished;
    const { storeDir } = this.#store;
    const { signal, early } = this.#options;
    const staged = new Map<StorePath, StagedPath>();
    for (const [name, info] of this.#infos) {
      const draft = this.#drafts.get(name);
      if (draft !== undefined) staged.set(info.path, draft.stage(info));
    }
    const held = new Set<StorePath>();
    for (const [name, output] of derivation.outputs) {
      const path = outputPath(output, name, { name: derivation.name, storeDir });
      if (path !== undefined) held.add(path);
    }
    await this.#store.temporaryRoots.add(staged.keys(), signal);
    await this.#store.inheritRealisations(
      realisations.map(({ id }) => id),
      { signal },
    );
    let left = realisations;
    const record = (paths: ReadonlySet<StorePath>) => {
      this.#store.realisations.addAll(realisations.filter(({ path }) => paths.has(path)));
      left = left.filter(({ path }) => !paths.has(path));
    };
    try {
      await commitStaged(this.#store, staged, {
        repair: mode === 'repair',
        held,
        record,
        early: isEarly ? early : undefined,
        signal,
      });
    } catch (error) {
      const plan = [...staged.keys()].find(isDerivationPath);
      if (plan === undefined || !(error instanceof NixCompatError)) throw error;
      const made = shownPath(storeDir, plan);
      const message = `builder for '${this.#shown}' made '${made}', which is no derivation that could be built: ${error.message}`;
      throw rejection(message, { cause: error });
    }
    // One that is named by its contents may have been valid before.
    for (const path of staged.keys()) this.#trust(path);
    this.#store.realisations.addAll(left);
  }

  #realisations(): Realisation[] {
    const realisations: Realisation[] = [];
    for (const [name, { path }] of this.#infos) {
      const left = this.#outputs.get(name);
      if (left === undefined || this.#finished.derivation.outputs.get(name)?.kind === 'impure') continue;
      const unsigned = { id: left.id, path, signatures: [] };
      const signatures = sortSignatures(this.#store.sign(fingerprintRealisation(unsigned)));
      realisations.push({ ...unsigned, signatures });
    }
    return realisations;
  }

  #built(realisations: ReadonlyMap<OutputName, Realisation>): ReadonlyMap<OutputName, BuiltOutput> {
    return new Map(
      [...this.#outputs].flatMap(([name, { id, valid }]) => {
        const path = this.#infos.get(name)?.path ?? valid;
        if (path === undefined) return [];
        const { signatures } = realisations.get(name) ?? this.#store.realisations.find(id) ?? { signatures: [] };
        return [[name, { path, signatures, derivationHash: id.derivationHash }]];
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const draft of this.#drafts.values()) await draft[Symbol.asyncDispose]();
  }
}

function namesOf(paths: readonly StorePath[], names: ReadonlyMap<StorePath, OutputName>): OutputName[] {
  return paths.flatMap(path => names.get(path) ?? []).toSorted();
}
