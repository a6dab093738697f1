/**
 * store: store paths, what is known of them, and where they are. A path is valid exactly while its path info is recorded,
 * and then its whole tree is in the castore.
 *
 *     await using store = new LocalStore({ dataFolder, realStoreDir: '/nix/store' });
 *     const info = await addToStore(store, async (sink, drain) => {
 *       for (const _ of walkTree('src', sink)) await drain();
 *     }, { name: 'src' });
 */
export { NarHasher, contentHasher, plainFileOnly } from './content-hasher.ts';
export { StoreError, type StoreErrorCode, storeErrorCodes } from './error.ts';
export { type AddOptions, addToStore } from './local/add-to-store.ts';
export type { StoreEnvironment } from './local/local-places.ts';
export { LocalStore, type LocalStoreOptions } from './local/local-store.ts';
export { type KnownOutput, PathTable, type Registration } from './local/path-table.ts';
export { type OpenStoreContext, type StoreOpener, type StoreRequest, openStore } from './open-store.ts';
export { StoreParameters, type StoreTraits, takeTraits } from './store-parameters.ts';
export {
  type AddPathsOptions,
  type AdditionFailure,
  type CollectOptions,
  type Collected,
  type Collector,
  type PathAddition,
  type PathIndex,
  type PathOffer,
  type PathWriter,
  type Store,
  type StoreRoot,
  type StreamPathOptions,
  type TreeAccess,
  type TreeEntry,
  type TreePath,
  type TreeSource,
  type Upkeep,
  type VerifyStoreOptions,
  requireFacet,
} from './store.ts';
export type { ValidPath } from './valid-path.ts';
