/**
 * testing: rigs, arbitraries and contract suites; imported by tests alone.
 */
export { type TestBuildOptions, testBuiltinBuild } from './builtin-build.ts';
export { executorSuite } from './executor-suite.ts';
export { countProcesses, processesNamed, uniqueName } from './processes.ts';
export { findBusybox, isRoot, nobody, runAction, shellAction, shellSandbox, variables } from './test-actions.ts';
export { type FaultPlan, faultyFileSystem } from './faulty-file-system.ts';
export { injectNodeFaults } from './faulty-node-fs.ts';
export { BuildRig, type BuildRigOptions, type BuilderScript, freeSlots, testBuildSettings } from './build-rig.ts';
export { CountingBlobStore, LyingBlobStore, opened } from './blob-store-rigs.ts';
export {
  type BlobStoreGap,
  type OpenBlobStore,
  type OpenedBlobStore,
  blobStoreSuite,
  noise,
} from './blob-store-suite.ts';
export { byteStrings, digests, directories, entryNames, nodes } from './castore-arbitraries.ts';
export { CountingRelay } from './counting-relay.ts';
export { chopContents } from './chop-contents.ts';
export {
  derivationOutputs,
  derivations,
  jsonValues,
  outputNames,
  singleDerivingPaths,
  storePathNames,
  storePaths,
  textDerivations,
} from './derivation-arbitraries.ts';
export { derivationTexts, derivationVectors, parseDerivationAt, readDerivationVector } from './derivation-vectors.ts';
export { MemoryStore, type MemoryStoreOptions, testPath } from './memory-store.ts';
export { addTestPath, addTestRoot, keepRootsIn, listTestStore, openLocalStoreIn } from './local-store-rig.ts';
export { connectChannels } from './connected-channels.ts';
export { CacheSiteRig } from './cache-site-rig.ts';
export { ServiceRig } from './service-rig.ts';
export { scriptedPath, serveScripts, workerScripts } from './client-scripts.ts';
export { type SessionMutation, fieldMutations, truncations, wordMutations } from './session-mutations.ts';
export { MemoryChannel } from './memory-channel.ts';
export {
  type RecordedSession,
  type SentRequest,
  parseRecordedSession,
  readSentRequests,
  readRecordedSessions,
} from './recorded-sessions.ts';
export {
  type RequestField,
  type SessionRequest,
  type SessionRequests,
  parseServeRequests,
  parseWorkerRequests,
} from './session-requests.ts';
export { TestServedStore } from './test-served-store.ts';
export { inPieces } from './pieces.ts';
export { type TestBuild, type TestOutput, finishTestBuild, floating, noChecks } from './finished-build-rig.ts';
export { type OpenForeignStore, foreignStoreSuite } from './foreign-store-suite.ts';
export { type HttpFault, HttpRig, type HttpRigOptions, type RecordedRequest, makeCertificate } from './http-rig.ts';
export { type FetchBlob, MountRig, mountObstacle } from './mount-rig.ts';
export { type OfferTreeOptions, offerTree } from './offer-tree.ts';
export { readWhole } from './read-whole.ts';
export { type RecordedReport, recordReports } from './recorded-reports.ts';
export { ActionRig, type InputTree } from './action-rig.ts';
export { ReapiRig, type ReapiRigOptions } from './reapi-rig.ts';
export { GitRig, commitTime } from './git-rig.ts';
export { type TestContextOptions, openTestStore, testStoreContext } from './store-context.ts';
export { type EvaluateOptions, type Evaluated, evaluateText } from './evaluate-text.ts';
export { type MemoryEvalIO, type MemoryFiles, memoryEvalIO } from './memory-eval-io.ts';
export { startEvaluator } from './start-evaluator.ts';
export {
  type BuildScript,
  ScriptedBuilder,
  type TestDerivation,
  addTestDerivation,
  out,
  outputOf,
  outsOf,
} from './scripted-builder.ts';
export { type OpenStore, type OpenedStore, type StoreGap, storeSuite } from './store-suite.ts';
export { type SyntaxVector, readSyntaxVectors, syntaxVectorFile } from './syntax-vectors.ts';
export { SshServer, type SshServerOptions, sshServerObstacle } from './ssh-server.ts';
export { uploadForeign } from './upload-foreign.ts';
export { temporaryFolder } from './temporary-folder.ts';
export { TreeRecorder, type TestTree, fileNames, inAscii, playTree, testTrees } from './trees.ts';
export { hexVectors, readVectors } from './vectors.ts';
export { type WireField, encodeWire } from './wire-message.ts';
export { type OciImage, dockerLayout, imageArchitecture, imageOf, layerType, ociLayout } from './oci-images.ts';
export { type ZipPiece, zipArchive } from './zip-archive.ts';
export { type TarPiece, paxRecord, tarArchive, tarPiece } from './tar-archive.ts';
export { ServedReapiRig, type ServedReapiRigOptions, servedDigest, writeRequests } from './served-reapi-rig.ts';
