import type { PathInfo, RealisedOutput, StoreDir, StorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { Store, TreeAccess } from '../store.ts';
import type { StoreTraits } from '../store-parameters.ts';

/** The store that has nothing and takes nothing: for evaluating and computing store paths. */
export class DummyStore implements Store {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly priority: number;
  readonly wantMassQuery: boolean;
  readonly isTrusted: boolean;

  constructor(options: StoreTraits & { readonly uri: string }) {
    this.uri = options.uri;
    this.storeDir = options.storeDir;
    this.priority = options.priority ?? 0;
    this.wantMassQuery = options.wantMassQuery ?? false;
    this.isTrusted = options.isTrusted;
  }

  pathInfo(): Promise<PathInfo | undefined> {
    return Promise.resolve(undefined);
  }

  pathFromHashPart(): Promise<StorePath | undefined> {
    return Promise.resolve(undefined);
  }

  validPaths(): Promise<Set<StorePath>> {
    return Promise.resolve(new Set());
  }

  streamPath(path: StorePath): Promise<void> {
    return Promise.reject(invalid(path));
  }

  openTree(path: StorePath): Promise<TreeAccess> {
    return Promise.reject(invalid(path));
  }

  realisation(): Promise<RealisedOutput | undefined> {
    return Promise.resolve(undefined);
  }

  buildLog(): Promise<Uint8Array | undefined> {
    return Promise.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function invalid(path: StorePath): StoreError {
  return new StoreError('path/invalid', `path '${path}' is not valid`);
}
