import type { Realised, RealisationPlan } from '../engine/index.ts';
import type { BasicDerivation, BuildResult, DerivingPath, StorePath } from '../nix-compat/index.ts';
import type { BuildRequest, ServedStore, SubstitutablePath } from '../server/index.ts';
import { type Store, StoreError } from '../store/index.ts';

/** A served store that does as a test says, and keeps what it was asked for. */
export class TestServedStore implements ServedStore {
  readonly version = '2.34.8';
  readonly store: Store;
  readonly assigned = new Map<string, string>();
  readonly wanted: DerivingPath[] = [];
  readonly substituted: StorePath[] = [];
  /** What building anything ends with; nothing can be built unless given. */
  result: BuildResult | undefined;
  /** Called for what is to be substituted. */
  substituter: (path: StorePath) => Promise<void> = () => Promise.resolve();

  constructor(store: Store) {
    this.store = store;
  }

  assign(name: string, value: string): void {
    this.assigned.set(name, value);
  }

  trustedSubstituters(): ReadonlySet<string> {
    return new Set(['https://cache.example.org']);
  }

  realise(wanted: readonly DerivingPath[]): Promise<Realised> {
    this.wanted.push(...wanted);
    const { result } = this;
    if (result === undefined) return Promise.reject(nothingBuilt());
    return Promise.resolve({ paths: wanted.map(path => ({ path, result })), failures: new Set() });
  }

  build(_path: StorePath, _derivation: BasicDerivation): Promise<BuildResult> {
    if (this.result === undefined) return Promise.reject(nothingBuilt());
    return Promise.resolve(this.result);
  }

  async substitute(paths: ReadonlySet<StorePath>, { reporter }: Pick<BuildRequest, 'reporter'>): Promise<void> {
    for (const path of paths) {
      using substituting = reporter.startActivity({ type: 'substitute', level: 'info', fields: [path, 'test'] });
      substituting.progress(1, 2);
      this.substituted.push(path);
      await this.substituter(path);
    }
  }

  plan(): Promise<RealisationPlan> {
    return Promise.resolve({
      willBuild: new Set(),
      willSubstitute: new Set(),
      unknown: new Set(),
      downloadSize: 0,
      narSize: 0,
      unplanned: [],
      weights: new Map(),
      settled: new Map(),
    });
  }

  findSubstitutes(): Promise<Map<StorePath, SubstitutablePath>> {
    return Promise.resolve(new Map<StorePath, SubstitutablePath>());
  }
}

function nothingBuilt(): StoreError {
  return new StoreError('store/unsupported', 'nothing can be built here');
}
