/**
 * store: store paths, what is known of them, and where they are. A path is valid exactly while its path info is recorded,
 * and then its whole tree is in the castore, or at its place in the store directory where another layer has put it.
 *
 *     await using store = new LocalStore({ dataFolder, realStoreDir: '/nix/store' });
 *     const info = await addToStore(store, async (sink, drain) => {
 *       for (const _ of walkTree('src', sink)) await drain();
 *     }, { name: 'src' });
 */
export { lockPath } from './local/path-lock.ts';
export { type OfferReceiver, type TakeOfferOptions, addInOrder } from './add-in-order.ts';
export { asInStore } from './as-in-store.ts';
export { type TextFile, addDerivation, addText } from './add-text.ts';
export { addTree, describeTree } from './add-tree.ts';
export { NarHasher, contentHasher, plainFileOnly } from './content-hasher.ts';
export { type ClosureOptions, computeClosure, computeReferrers } from './closure/compute-closure.ts';
export { exploreGraph, type ExploreOptions } from './closure/explore-graph.ts';
export { type KnownPath, sortInfos, sortPaths } from './closure/sort-paths.ts';
export { type DependencyStep, explainDependency } from './closure/explain-dependency.ts';
export { topologicalOrder } from './closure/topological-order.ts';
export { type CopyOptions, type CopyResult, copyPaths } from './copy/copy-paths.ts';
export {
  type DerivationOutputs,
  derivationOutputs,
  outputIds,
  outputsOfDerivations,
  readInputDerivations,
  staticOutputs,
} from './derivations/derivation-outputs.ts';
export { knownRealisations } from './derivations/known-realisations.ts';
export { readDerivation, readDerivations } from './derivations/read-derivation.ts';
export { StoreError, type StoreErrorCode, storeErrorCodes } from './error.ts';
export { dumpRegistrations } from './export/dump-registrations.ts';
export { type ExportPathsOptions, exportPaths } from './export/export-paths.ts';
export { type AddOptions, addNode, addToStore } from './local/add-to-store.ts';
export { type CommitStagedOptions, commitStaged } from './local/commit-staged.ts';
export type { StagedPath } from './local/staged-path.ts';
export { type StagedTree, TreeStaging } from './local/tree-staging.ts';
export { BuildLogWriter, logFile } from './local/build-log.ts';
export { type ImportPathsOptions, importExport, importPaths } from './export/import-paths.ts';
export { type StoreEnvironment, defaultPlaces, socketOf } from './local/local-places.ts';
export { LocalStore, type LocalStoreOptions } from './local/local-store.ts';
export { tryLockPath } from './local/path-lock.ts';
export { type KnownOutput, PathTable, type Registration } from './local/path-table.ts';
export { type RegisterOptions, registerPaths } from './local/register-paths.ts';
export { WorkerConnection } from './daemon/worker-connection.ts';
export { WorkerStore } from './daemon/worker-store.ts';
export { hasRoom } from './binary-cache/codec.ts';
export { type CompressionMethod, isCompression } from './binary-cache/compression.ts';
export { debugInfoLink, debugInfoPlace, listBuildIds } from './binary-cache/debug-info-links.ts';
export { type Platform, parsePlatform, thisPlatform } from './oci/platform.ts';
export { type UnpackedImage, type UnpackImageOptions, unpackImage } from './oci/unpack-image.ts';
export { decompress } from './binary-cache/decompress.ts';
export { type NarDestination, narChunkSize, renderNar } from './binary-cache/render-nar.ts';
export { openNamelessFile } from './nameless-file.ts';
export { type DownloadAccess, type DownloadOptions, openDownload } from './open-download.ts';
export { type OpenStoreContext, type StoreOpener, type StoreRequest, openStore } from './open-store.ts';
export type { ByteChannel } from './remote/byte-channel.ts';
export { feedNar } from './remote/feed-nar.ts';
export type { BuildLimits, RemoteBuild } from './remote/peer-connection.ts';
export { RemoteStore, type RemoteStoreOptions } from './remote/remote-store.ts';
export { ChannelSocket, type ChannelSocketOptions } from './remote/channel-socket.ts';
export { SocketAttention } from './remote/socket-attention.ts';
export { StreamChannel } from './remote/stream-channel.ts';
export { hashContents } from './hash-contents.ts';
export { isNearbyAddress } from './binary-cache/http/public-servers.ts';
export { BlobTree } from './local/blob-tree.ts';
export { receiveOffer } from './receive-offer.ts';
export { formatRoot, parseRoot } from './root-text.ts';
export { signInfo, signRoot, takeSecretKeys } from './secret-keys.ts';
export { invalidPath, requirePathInfo } from './require-path-info.ts';
export { SpooledTree } from './spooled-tree.ts';
export { StoreParameters, type StoreTraits, takeTraits } from './store-parameters.ts';
export { type FetchBlobOptions, type LazyOptions, LazyPaths, type LazyPathsOptions } from './lazy/lazy-paths.ts';
export { type MakeContentAddressedOptions, makeContentAddressed } from './rewrite/make-content-addressed.ts';
export { downloadSizeOf } from './download-size.ts';
export { type MissingPaths, lookupsAtOnce, queryMissing } from './substitute/query-missing.ts';
export { type RealiseFailure, type RealiseOptions, noSubstituter, realisePaths } from './substitute/realise-paths.ts';
export { repairPath } from './substitute/repair-path.ts';
export {
  type FindOptions,
  type LazyTree,
  type Substitute,
  Substituters,
  type SubstitutersOptions,
} from './substitute/substituters.ts';
export {
  type ChangeProfileOptions,
  createGeneration,
  deleteGenerations,
  deleteGenerationsBeyond,
  deleteGenerationsOlderThan,
  deleteOldGenerations,
  lockProfile,
  switchGeneration,
  switchLink,
} from './profiles/change-profile.ts';
export type { TemporaryRoots } from './local/roots/temporary-roots.ts';
export { replaceLink } from './local/roots/add-indirect-root.ts';
export { cleanProfiles } from './profiles/clean-profiles.ts';
export { type Generation, type Generations, findGenerations, generationPath } from './profiles/generations.ts';
export { parseOlderThan } from './profiles/older-than.ts';
export {
  type ProfileEnvironment,
  defaultProfile,
  linkDefaultProfile,
  profileLink,
  profilesFolder,
} from './profiles/profile-places.ts';
export {
  type AddPathsOptions,
  type AdditionFailure,
  type CollectOptions,
  type Collected,
  type Collector,
  type KeeperInfo,
  type LazyTrees,
  type Optimised,
  type OrderedAdding,
  type OrderedAddingOptions,
  type PathAddition,
  type PathIndex,
  type PathOffer,
  type PathWriter,
  type PathsAtHand,
  type RepairOptions,
  type RepairPolicy,
  type Repairer,
  type Store,
  type StoreRoot,
  type StreamPathOptions,
  type TreeAccess,
  type TreeEntry,
  type TreePath,
  type TreeSource,
  type Upkeep,
  type ValidPathsOptions,
  type VerifyStoreOptions,
  requireFacet,
} from './store.ts';
export { type TrustPolicy, isTrustedClaim, isTrustedInfo } from './trust-policy.ts';
export { readSecretKeys, readTrustedKeys } from './trusted-keys.ts';
export { ServeConnection } from './ssh/serve-connection.ts';
export type { ValidPath } from './valid-path.ts';
export { type UnpackedArchive, unpackArchive } from './unpack-archive.ts';
export { unsupportedOperation } from './unsupported-operation.ts';
