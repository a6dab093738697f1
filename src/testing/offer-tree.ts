import {
  type PathInfo,
  type StoreDir,
  type StorePath,
  compareStorePaths,
  defaultStoreDir,
  makeFixedOutputPath,
} from '../nix-compat/index.ts';
import { NarHasher, type PathAddition, type PathOffer } from '../store/index.ts';
import { type TestTree, playTree } from './trees.ts';

export interface OfferTreeOptions {
  /** `tree` unless given. */
  readonly name?: string;
  readonly storeDir?: StoreDir;
  readonly references?: readonly StorePath[];
  readonly info?: Partial<PathInfo>;
}

/** An addition of `tree` under the store path that its contents give it. */
export function offerTree(tree: TestTree, options: OfferTreeOptions = {}): PathAddition {
  const { name = 'tree', storeDir = defaultStoreDir, references = [] } = options;
  const hasher = new NarHasher();
  playTree(tree, hasher.sink);
  const narHash = hasher.finish();
  const path = makeFixedOutputPath(storeDir, name, { method: 'nar', hash: narHash });
  const info: PathInfo = {
    path,
    narHash,
    narSize: hasher.size,
    references: references.toSorted(compareStorePaths),
    signatures: [],
    ...options.info,
  };
  const offer: PathOffer = {
    info,
    source: async (sink, drain) => {
      playTree(tree, sink);
      await drain();
    },
    from: 'test',
    isTrusted: true,
  };
  return { path, offers: [offer] };
}
