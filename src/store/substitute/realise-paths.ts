import { type Reporter, displayBytes, messageOf, silentReporter } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type ContentAddress, type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { exploreGraph } from '../closure/explore-graph.ts';
import { CopyTally } from '../copy/copy-tally.ts';
import { offerPath } from '../copy/offer-path.ts';
import { StoreError } from '../error.ts';
import { type AdditionFailure, type PathAddition, type PathOffer, type Store, requireFacet } from '../store.ts';
import { downloadSizeOf } from '../download-size.ts';
import { lookupsAtOnce } from './query-missing.ts';
import { type SubstitutionPlan, findNeeded, findWanting } from './substitution-plan.ts';
import type { Substitute, Substituters } from './substituters.ts';

export interface RealiseOptions extends CallOptions {
  /** Whether `paths` themselves get their contents anew, also where they are valid. */
  readonly repair?: boolean;
  /** Substitutions that run at a time; 16 unless given. */
  readonly concurrency?: number;
  readonly reporter?: Reporter;
  /** What some of `paths` must be (`FindOptions.contentAddress`). */
  readonly contentAddresses?: ReadonlyMap<StorePath, ContentAddress>;
  /** Called once for each of `paths` that was substituted, as soon as it is valid. */
  readonly realised?: (path: StorePath) => void;
}

/** A path that could not be realised: `path/no-substituter` or `path/unrealised-references`. */
export interface RealiseFailure {
  readonly path: StorePath;
  readonly error: StoreError;
  /** Whether somebody had it and all that it refers to, which could not be taken over. */
  readonly wasTried: boolean;
}

/**
 * Makes `paths` valid in `store`, with all that they refer to, by having them from `substituters`. Where taking a path
 * over fails, this is reported and the next substituter is tried. Nothing is fetched for those of `paths` that cannot be
 * had completely; these are returned, in the order of `paths`. Throws as `Substituters.find`, and `store/unsupported`.
 */
export async function realisePaths(
  store: Store,
  substituters: Substituters,
  paths: Iterable<StorePath>,
  options: RealiseOptions = {},
): Promise<RealiseFailure[]> {
  // Some can be gone through only once.
  const targets = new Set(paths);
  await store.collector?.addTemporaryRoots(targets);
  return new PathRealisation(store, substituters, targets, options).run();
}

class PathRealisation {
  readonly #store: Store;
  readonly #substituters: Substituters;
  readonly #targets: ReadonlySet<StorePath>;
  readonly #options: RealiseOptions;
  readonly #reporter: Reporter;
  /** Paths that are to get their contents anew and have not yet. */
  readonly #toRenew: Set<StorePath>;
  /** The first substituter that is left to be tried for paths that others could not give. */
  readonly #nextRank = new Map<StorePath, number>();
  /** Paths that a substituter had and that could not be taken over. */
  readonly #failed = new Set<StorePath>();

  constructor(store: Store, substituters: Substituters, targets: ReadonlySet<StorePath>, options: RealiseOptions) {
    this.#store = store;
    this.#substituters = substituters;
    this.#targets = targets;
    this.#options = options;
    this.#reporter = options.reporter ?? silentReporter;
    this.#toRenew = new Set(options.repair === true ? targets : []);
  }

  async run(): Promise<RealiseFailure[]> {
    // Each round but the last takes a place to have a path from off the list, so it ends.
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const plan = await this.#plan();
      const wanting = findWanting(plan);
      const needed = findNeeded(plan, this.#targets.difference(wanting));
      if (needed.length === 0) return this.#failuresOf(plan, wanting);
      const failures = await this.#add(needed);
      if (failures.length > 0) this.#learn(needed, failures);
      const failed = new Set(failures.map(({ path }) => path));
      for (const { info } of needed) if (!failed.has(info.path)) this.#toRenew.delete(info.path);
    }
  }

  /** Looks for everything that is needed; what is found leads to more. */
  async #plan(): Promise<SubstitutionPlan> {
    const plan = new Map<StorePath, Substitute | undefined>();
    const { signal } = this.#options;
    await exploreGraph(this.#targets, { limit: lookupsAtOnce, signal }, async (path, stop) => {
      if (!this.#toRenew.has(path)) {
        const valid = await this.#store.validPaths([path], { signal: stop });
        if (valid.has(path)) return [];
      }
      const from = this.#nextRank.get(path) ?? 0;
      const contentAddress = this.#options.contentAddresses?.get(path);
      const found = await this.#substituters.find(path, { from, trustedOnly: true, contentAddress, signal: stop });
      plan.set(path, found);
      // Most likely everything else is found, too; else what has come is dropped.
      found?.store.expect?.(found.info);
      return found?.info.references ?? [];
    });
    return plan;
  }

  async #add(needed: readonly Substitute[]): Promise<AdditionFailure[]> {
    const { concurrency = 16, signal } = this.#options;
    const writer = requireFacet(this.#store, 'writer', 'addToStore');
    using substituting = this.#reporter.startActivity({ type: 'copyPaths' });
    const total = (sizeOf: (one: Substitute) => number) => needed.reduce((sum, one) => sum + sizeOf(one), 0);
    substituting.setExpected(
      'fileTransfer',
      total(({ info }) => downloadSizeOf(info)),
    );
    substituting.setExpected(
      'copyPath',
      total(({ info }) => info.narSize),
    );
    const tally = new CopyTally(substituting, needed.length);
    const added = (path: StorePath) => {
      tally.countDone();
      if (this.#targets.has(path)) this.#options.realised?.(path);
    };
    const failures: AdditionFailure[] = [];
    // First what is new: what is renewed may refer to it, but was there before.
    for (const repair of [false, true]) {
      const some = needed.filter(({ info }) => this.#toRenew.has(info.path) === repair);
      if (some.length === 0) continue;
      const additions = some.map((one): PathAddition => {
        const offer = this.#offer(one, substituting);
        return { path: one.info.path, offers: [tally.watch(offer)] };
      });
      failures.push(...(await writer.add(additions, { signal, concurrency, keepGoing: true, repair, added })));
    }
    tally.countFailed(failures.length);
    return failures;
  }

  #offer({ store, info: found, source = found.path }: Substitute, reporter: Reporter): PathOffer {
    // What was built there was not built here.
    const info = found.ultimate === true ? { ...found, ultimate: false } : found;
    const offerBy = (to: Reporter) =>
      offerPath(store, this.#store, { info, source, isTrusted: store.isTrusted, reporter: to });
    return {
      ...offerBy(reporter),
      source: async (...sending) => {
        const fields = [this.#print(info.path), store.uri];
        using substitution = reporter.startActivity({ type: 'substitute', fields });
        await offerBy(substitution).source(...sending);
      },
    };
  }

  /** Reports what went wrong, and sees to it that another place is tried next for what was had from a bad one. */
  #learn(needed: readonly Substitute[], failures: readonly AdditionFailure[]): void {
    const errors = new Map(failures.map(({ path, error }) => [path, error]));
    const failed = needed.filter(({ info }) => errors.has(info.path));
    const culprits = failed.filter(
      ({ info }) => !info.references.some(reference => reference !== info.path && errors.has(reference)),
    );
    // Paths that refer to each other in a circle could blame each other for ever.
    for (const { info, rank } of culprits.length > 0 ? culprits : failed) {
      this.#nextRank.set(info.path, rank + 1);
      const error = errors.get(info.path);
      if (error instanceof StoreError && error.code === 'cache/missing-file') {
        // Gone since its narinfo was read: as if it never had been there.
        this.#reporter.warn(messageOf(error));
      } else {
        this.#failed.add(info.path);
        this.#reporter.logError(error);
      }
    }
  }

  #failuresOf(plan: SubstitutionPlan, wanting: ReadonlySet<StorePath>): RealiseFailure[] {
    for (const path of this.#failed) {
      if (wanting.has(path) && !this.#targets.has(path))
        this.#reporter.logError(noSubstituter(this.#store.storeDir, path));
    }
    const failures: RealiseFailure[] = [];
    for (const path of this.#targets.intersection(wanting)) {
      const error =
        plan.get(path) === undefined ? noSubstituter(this.#store.storeDir, path) : this.#unrealisedReferences(path);
      failures.push({ path, error, wasTried: !this.#isLacking(plan, path) });
    }
    return failures;
  }

  /** Whether nobody ever had a path, or something that it refers to. */
  #isLacking(plan: SubstitutionPlan, path: StorePath): boolean {
    const seen = new Set([path]);
    // What is added to a set while it is iterated over is reached, too.
    for (const each of seen) {
      if (!plan.has(each)) continue;
      const found = plan.get(each);
      if (found === undefined && !this.#failed.has(each)) return true;
      for (const reference of found?.info.references ?? []) seen.add(reference);
    }
    return false;
  }

  #unrealisedReferences(path: StorePath): StoreError {
    const message = `some references of path '${this.#print(path)}' could not be realised`;
    return new StoreError('path/unrealised-references', message);
  }

  #print(path: StorePath): string {
    return displayBytes(printStorePath(this.#store.storeDir, path));
  }
}

/** That nobody has a path which is needed. */
export function noSubstituter(storeDir: StoreDir, path: StorePath): StoreError {
  const printed = displayBytes(printStorePath(storeDir, path));
  const message = `path '${printed}' is required, but there is no substituter that can build it`;
  return new StoreError('path/no-substituter', message);
}
