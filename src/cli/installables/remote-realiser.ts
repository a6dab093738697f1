import type { Reporter } from '../../base/index.ts';
import { type RealisationPlan, type RealiseRequest, type Realised, findUnplanned } from '../../engine/index.ts';
import { type DerivingPath, baseStorePath, formatDerivingPath } from '../../nix-compat/index.ts';
import { type Store, type WorkerStore, copyPaths, sortPaths } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';

/** Has who keeps a store make deriving paths valid in it: what `Realiser` and `planRealisation` do for one of ours. */
export class RemoteRealiser {
  readonly #store: WorkerStore;
  readonly #evalStore: Store;
  readonly #context: CommandContext;

  /** Derivations that are in `evalStore` alone are copied first. */
  constructor(store: WorkerStore, evalStore: Store, context: CommandContext) {
    this.#store = store;
    this.#evalStore = evalStore;
    this.#context = context;
  }

  /** What the other side tells is reported to `reporter`, to the store's own unless given. */
  async realise(
    wanted: readonly DerivingPath[],
    { mode = 'normal', signal, reporter }: RealiseRequest & { readonly reporter?: Reporter },
  ): Promise<Realised> {
    await this.#copyDerivations(wanted);
    const answers =
      wanted.length === 0
        ? []
        : await this.#store.realise(wanted, { mode, signal, ...(reporter === undefined ? {} : { reporter }) });
    // The other side tells them in its order; whoever asked knows them as what was asked for.
    const { storeDir } = this.#store;
    const asked = new Map(wanted.map(path => [formatDerivingPath(storeDir, path), path]));
    const paths = answers.map(({ path, result }) => {
      return { path: asked.get(formatDerivingPath(storeDir, path)) ?? path, result };
    });
    // As C++ Nix, whose daemons did not always tell what a build failed of: its clients end with the same status whatever it was.
    return { paths, failures: new Set() };
  }

  /** With `seeksUnplanned` it is looked for what the protocol has no way to say: that costs reading derivations. */
  async plan(
    wanted: readonly DerivingPath[],
    { seeksUnplanned }: { readonly seeksUnplanned: boolean },
  ): Promise<RealisationPlan> {
    await this.#copyDerivations(wanted);
    const { willBuild, willSubstitute, unknown, ...sizes } = await this.#store.missing(wanted, this.#context);
    return {
      ...sizes,
      willBuild: new Set((await sortPaths(this.#store, willBuild)).map(({ path }) => path)),
      willSubstitute: new Set(willSubstitute),
      unknown: new Set(unknown),
      unplanned: seeksUnplanned
        ? await findUnplanned(
            { store: this.#store, evalStore: this.#evalStore },
            { wanted, willBuild },
            this.#context.signal,
          )
        : [],
      weights: new Map(),
      settled: new Map(),
    };
  }

  async #copyDerivations(wanted: readonly DerivingPath[]): Promise<void> {
    if (this.#evalStore === this.#store) return;
    const { log, signal } = this.#context;
    const derivations = wanted.filter(({ kind }) => kind === 'built').map(baseStorePath);
    const there = await this.#evalStore.validPaths(derivations, { signal });
    const options = { closure: true, checkSignatures: false, reporter: log, signal };
    await copyPaths(this.#evalStore, this.#store, there, options);
  }
}
