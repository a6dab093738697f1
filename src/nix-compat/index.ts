/**
 * nix-compat: the formats of Nix 2.34 as pure codecs, byte for byte: bytes in, values out and back, no I/O. What is not
 * well-formed is refused with a `NixCompatError`, which has a code and, where there is one, the byte offset.
 *
 *     const derivation = parseDerivation(byteStringOf(bytes), { storeDir: defaultStoreDir, name: 'hello' });
 *     const path = makeFixedOutputPath(defaultStoreDir, 'src', { method: 'nar', hash: hashBytes('sha256', nar) });
 *     readNar(nar, teeTree(new NarWriter(write), new NarLister()));
 */
export { canonicalPath } from './canonical-path.ts';
export { NixCompatError, type NixCompatErrorCode, nixCompatErrorCodes } from './error.ts';
export { type ConfigWarning, formatConfigWarning } from './config/config-warning.ts';
export {
  type ExperimentalFeature,
  experimentalFeatures,
  isExperimentalFeature,
  parseExperimentalFeatures,
} from './config/experimental-features.ts';
export {
  type ConfigAssignment,
  type ConfigOrigin,
  type ReadConfigFile,
  maxConfigSize,
  parseNixConf,
} from './config/nix-conf.ts';
export type { NixSettings, ReadableSettings, SettingName, SettingsEnvironment } from './config/nix-settings.ts';
export {
  type Diagnose,
  type EvalProfilerMode,
  type ExternalBuilder,
  type SandboxMode,
  type SandboxPath,
  type SettingType,
  absolutePathType,
  booleanType,
  int32Type,
  optionalAbsolutePathType,
  setType,
  stringType,
  uint32Type,
  uint64Type,
} from './config/setting-type.ts';
export { type SettingTraits, Settings } from './config/settings.ts';
export { type ClosureMember, closureToJson } from './derivation/closure-info.ts';
export {
  type DerivationHash,
  type DerivationLookup,
  DerivationHasher,
  hashOfOutput,
} from './derivation/derivation-hasher.ts';
export {
  derivationFromJson,
  derivationJsonVersion,
  derivationToJson,
  derivationsToJson,
} from './derivation/derivation-json.ts';
export {
  type CheckedReference,
  type DerivationOptions,
  type OutputChecks,
  type OutputChecksOf,
  requiredSystemFeatures,
  resolveDerivationOptions,
} from './derivation/derivation-options.ts';
export { type DerivationFile, derivationNameOf, makeDerivationFile } from './derivation/derivation-path.ts';
export {
  type DerivationFeature,
  type DerivationType,
  derivationTypeOf,
  featuresOf,
  hasContentAddressedOutputs,
  hasDynamicInputs,
  hasKnownOutputPaths,
  isBuiltinBuilder,
  isSandboxed,
} from './derivation/derivation-type.ts';
export {
  type BasicDerivation,
  type Derivation,
  type DerivationOutput,
  type DerivedInputs,
  type FloatingOutput,
  type ImpureOutput,
  type OutputName,
  structuredAttrsVariable,
} from './derivation/derivation.ts';
export {
  type BuiltPath,
  type BuiltPaths,
  type DerivingPath,
  type OpaquePath,
  type OutputSeparator,
  type SingleDerivingPath,
  baseStorePath,
  builtPath,
  derivingPathFromJson,
  derivingPathOf,
  derivingPathToJson,
  formatDerivingPath,
  formatSingleDerivingPath,
  maxOutputChain,
  opaquePath,
  parseDerivingPath,
  parseSingleDerivingPath,
  singleDerivingPathFromJson,
  singleDerivingPathToJson,
  unrollDerivingPath,
} from './derivation/deriving-path.ts';
export { environmentOf, formatDerivation } from './derivation/format-derivation.ts';
export { type OutputFields, formatOutputFields, outputPath, parseOutputFields } from './derivation/output-fields.ts';
export { outputFromJson, outputToJson } from './derivation/output-json.ts';
export { checkDerivation, checkOutputPaths, fillOutputPaths, outputPathsOf } from './derivation/output-paths.ts';
export {
  type ExtendedOutputsSpec,
  type OutputsSpec,
  allOutputs,
  formatOutputsSpec,
  hasOutput,
  isOutputsSubset,
  namedOutputs,
  outputsSpecFromJson,
  outputsSpecToJson,
  parseOutputsSpec,
  splitOutputsSpec,
  uniteOutputsSpecs,
} from './derivation/outputs-spec.ts';
export { type PackageName, parsePackageName } from './derivation/package-name.ts';
export { parseDerivationOptions } from './derivation/parse-derivation-options.ts';
export {
  type ParseDerivationOptions,
  defaultMaxDerivationSize,
  maxDynamicDepth,
  noDynamicInputs,
  parseDerivation,
} from './derivation/parse-derivation.ts';
export {
  type DownstreamPlaceholder,
  formatPlaceholder,
  outputPlaceholder,
  placeholderOf,
  placeholderOfOutput,
  placeholderOfUnknown,
} from './derivation/placeholder.ts';
export { type Registration, formatRegistrations, parseRegistrations } from './derivation/registration.ts';
export { type OutputLookup, needsResolving, resolveDerivation } from './derivation/resolve-derivation.ts';
export { structuredAttrsToShell } from './derivation/structured-attrs-shell.ts';
export { parseStructuredAttrs } from './derivation/structured-attrs.ts';
export { GitObjectReader, type GitObjectReaderOptions, type GitObjectSink } from './git/git-object-reader.ts';
export { type GitAlgorithm, type GitObjectType, gitObjectHeader, hashGitObject } from './git/git-object.ts';
export { GitTreeHasher, type GitTreeRoot } from './git/git-tree-hasher.ts';
export { type GitMode, type GitTreeEntry, formatGitTree, parseGitTree } from './git/git-tree.ts';
export { type HashAlgorithm, hashAlgorithms, hashSize, isHashAlgorithm, parseHashAlgorithm } from './hash/algorithm.ts';
export { decodeBase16, encodeBase16 } from './hash/base16.ts';
export { decodeBase64, encodeBase64 } from './hash/base64.ts';
export {
  type HashFormat,
  formatHash,
  hashFormats,
  parseHash,
  parseHashFormat,
  parseHashWithFormat,
  parsePrefixedHash,
  parseSri,
  parseUnprefixedHash,
} from './hash/hash-format.ts';
export { type NixHash, compressHash, equalHashes, makeHash, zeroHash } from './hash/hash.ts';
export { Hasher, hashBytes } from './hash/hasher.ts';
export { decodeNix32, encodeNix32, findNotNix32, nix32Alphabet, nix32Length } from './hash/nix32.ts';
export { type Machine, type MachineNeeds, canBuildOn, connectionTo, machineUri } from './machines/machine.ts';
export { type ParseMachinesOptions, parseMachines } from './machines/parse-machines.ts';
export { expectArray, expectBoolean, expectCount, expectKey, expectObject, expectString } from './json/expect-json.ts';
export { formatFloat } from './json/format-float.ts';
export { formatJson } from './json/format-json.ts';
export { JsonCursor } from './json/json-cursor.ts';
export {
  type JsonArray,
  type JsonObject,
  type JsonType,
  type JsonValue,
  isJsonArray,
  isJsonObject,
  jsonObject,
  jsonTypeOf,
} from './json/json-value.ts';
export {
  type ParseJsonOptions,
  defaultMaxJsonDepth,
  defaultMaxJsonSize,
  defaultMaxJsonValues,
  parseJson,
} from './json/parse-json.ts';
export { applyCaseHack, caseHackSuffix, removeCaseHack, type UnhackedName } from './nar/case-hack.ts';
export { isFileName, isSymlinkTarget } from './nar/file-name.ts';
export {
  defaultMaxListingSize,
  formatListing,
  listingToJson,
  parseListing,
  shallowListingToJson,
} from './nar/listing-json.ts';
export { type NarLimits, defaultNarLimits } from './nar/nar-limits.ts';
export {
  type ListedDirectory,
  type ListedFile,
  type ListedSymlink,
  NarLister,
  type NarListing,
  findListed,
} from './nar/nar-listing.ts';
export { NarReader } from './nar/nar-reader.ts';
export {
  directoryNodeSize,
  entrySize,
  fileContentsOffset,
  fileNodeSize,
  narMagicSize,
  symlinkNodeSize,
} from './nar/nar-size.ts';
export { NarWriter, type NarWriterOptions } from './nar/nar-writer.ts';
export { readNar } from './nar/read-nar.ts';
export { type RootClaim, fingerprintRoot } from './narinfo/root-claim.ts';
export { type ParseNarInfoOptions, formatNarInfo, maxNarInfoSize, parseNarInfo } from './narinfo/narinfo.ts';
export {
  type NixCacheInfo,
  formatNixCacheInfo,
  maxNixCacheInfoSize,
  parseNixCacheInfo,
} from './narinfo/nix-cache-info.ts';
export {
  type PathInfoJsonFormat,
  type PathInfoJsonOptions,
  narInfoFromJson,
  parsePathInfoJsonFormat,
  pathInfoFromJson,
  pathInfoToJson,
} from './narinfo/path-info-json.ts';
export {
  type NarInfo,
  type PathInfo,
  countValidSignatures,
  isContentAddressed,
  isSigned,
} from './narinfo/path-info.ts';
export {
  buildTraceEntryFromJson,
  buildTraceEntryToJson,
  buildTraceValueToJson,
  fingerprintBuildTraceEntry,
  fingerprintRealisation,
  realisationFromJson,
  realisationToJson,
  realisedOutputFromJson,
} from './realisation/realisation-json.ts';
export {
  type BuildTraceEntry,
  type BuildTraceKey,
  type DerivationOutputId,
  type Realisation,
  type RealisedOutput,
  buildTraceEntryOf,
  buildTraceFileName,
  formatOutputId,
  parseOutputId,
  realisationFileName,
  realisationOf,
} from './realisation/realisation.ts';
export { ModuloHasher } from './references/modulo-hasher.ts';
export { ReferenceScanner, filterByHashPart } from './references/reference-scanner.ts';
export { Rewriter } from './references/rewriter.ts';
export { type FingerprintedInfo, fingerprintPathInfo } from './signature/fingerprint.ts';
export { PublicKey, SecretKey, verifySignature } from './signature/key.ts';
export {
  type Signature,
  compareSignatures,
  formatSignature,
  parseSignature,
  sortSignatures,
} from './signature/signature.ts';
export {
  type ParseStoreReferenceOptions,
  type StoreReference,
  formatStoreReference,
  parseStoreReference,
} from './store-reference/store-reference.ts';
export {
  type ContentAddress,
  type ContentAddressKind,
  type ContentAddressMethod,
  contentAddressMethods,
  equalContentAddresses,
  formatContentAddress,
  formatContentAddressKind,
  formatOutputHashMode,
  parseContentAddress,
  parseContentAddressKind,
  parseContentAddressMethod,
  parseOutputHashMode,
} from './store-path/content-address.ts';
export {
  type FixedOutputInfo,
  type StoreReferences,
  type TextInfo,
  makeFixedOutputPath,
  makeOutputPath,
  makeStorePath,
  makeStorePathFromCA,
  makeTextPath,
  makeTypedStorePath,
  noReferences,
  outputPathName,
} from './store-path/make-store-path.ts';
export {
  type SplitStorePath,
  type StoreDir,
  defaultStoreDir,
  parseStoreDir,
  parseStorePathIn,
  printStorePath,
  splitStorePath,
} from './store-path/store-dir.ts';
export {
  type StorePath,
  checkStorePathName,
  compareStorePaths,
  isDerivationPath,
  joinStorePath,
  maxStorePathNameLength,
  parseStorePath,
  storePathForm,
  requireDerivationPath,
  storePathHashLength,
  storePathHashPart,
  storePathName,
} from './store-path/store-path.ts';
export { isIpv4, isIpv6 } from './url/ip-address.ts';
export { type ParsedUrl, type UrlAuthority, formatAuthorityAndPath, formatUrlPath, parseUrl } from './url/parse-url.ts';
export { decodePercent, encodePercent } from './url/percent-encoding.ts';
export { type ReportDubious, type UrlQuery, decodeQuery, encodeQuery } from './url/url-query.ts';
export {
  type BuildFailure,
  type BuildFailureStatus,
  type BuildResult,
  type BuildSuccess,
  type BuildSuccessStatus,
  type BuiltOutput,
  isBuildSuccess,
  readBuildResult,
  readServeBuildResult,
  writeBuildResult,
  writeServeBuildResult,
} from './wire/build-result.ts';
export {
  type EncodedResult,
  activityTypeOf,
  decodeFields,
  decodeResult,
  encodeFields,
  encodeResult,
  verbosityOf,
} from './wire/activity-codes.ts';
export { type ExportReceiver, ExportWriter, readExport } from './wire/export-stream.ts';
export { FramedReader, FramedWriter } from './wire/framed.ts';
export {
  type LogField,
  type LogMessage,
  type StartActivity,
  activityTypes,
  knowsActivities,
  readLogMessage,
  resultTypes,
  writeLogMessage,
} from './wire/log-message.ts';
export { type ProtocolVersion, formatProtocolVersion, majorVersion, protocolVersion } from './wire/protocol-version.ts';
export { type RemoteError, readRemoteError, writeRemoteError } from './wire/remote-error.ts';
export {
  type ServeBuildOptions,
  type ServeCommand,
  acceptServeConnection,
  latestServeVersion,
  oldestServeVersion,
  openServeConnection,
  readServeBuildOptions,
  readServeCommand,
  writeServeBuildOptions,
  writeServeCommand,
} from './wire/serve-protocol.ts';
export { type WireContext, type WorkerContext, type WorkerProtocol, buildTraceFeature } from './wire/wire-context.ts';
export { type DerivationContext, readBasicDerivation, writeBasicDerivation } from './wire/wire-derivation.ts';
export {
  formatPathWithOutputs,
  parsePathWithOutputs,
  readDerivingPath,
  readSingleDerivingPath,
  writeDerivingPath,
  writeSingleDerivingPath,
} from './wire/wire-deriving-path.ts';
export {
  type UnkeyedPathInfo,
  readPathInfo,
  readServePathInfo,
  readUnkeyedPathInfo,
  writePathInfo,
  writeServePathInfo,
  writeUnkeyedPathInfo,
} from './wire/wire-path-info.ts';
export { MessageBudget } from './wire/message-budget.ts';
export {
  type ByteIterator,
  type ByteSource,
  type StreamParser,
  type WireLimits,
  WireReader,
  defaultWireLimits,
} from './wire/wire-reader.ts';
export {
  readBuildTraceEntry,
  readBuildTraceKey,
  readOutputId,
  readRealisation,
  readRealisedOutput,
  writeBuildTraceEntry,
  writeBuildTraceKey,
  writeOutputId,
  writeRealisation,
  writeRealisedOutput,
} from './wire/wire-realisation.ts';
export {
  readOptionalContentAddress,
  readOptionalStorePath,
  readSignatures,
  readStorePath,
  readStorePaths,
  readStringMap,
  readStrings,
  takeStorePath,
  writeOptionalContentAddress,
  writeOptionalStorePath,
  writeSignatures,
  writeStorePath,
  writeStorePaths,
  writeStringMap,
  writeStrings,
} from './wire/wire-values.ts';
export { WireWriter } from './wire/wire-writer.ts';
export {
  type DaemonInfo,
  type WireConnection,
  acceptWorkerConnection,
  clientWorkerProtocol,
  workerFeatures,
  latestWorkerProtocol,
  oldestWorkerVersion,
  openWorkerConnection,
} from './wire/worker-handshake.ts';
export {
  type WorkerOperation,
  readWorkerOperation,
  takeWorkerOperation,
  writeWorkerOperation,
} from './wire/worker-operation.ts';
export {
  type BuildMode,
  type ClientOptions,
  type GcAction,
  type GcOptions,
  type MissingPaths,
  type SubstitutablePathInfo,
  readBuildMode,
  readClientOptions,
  readGcOptions,
  readMissingPaths,
  readSubstitutablePathInfo,
  writeBuildMode,
  writeClientOptions,
  writeGcOptions,
  writeMissingPaths,
  writeSubstitutablePathInfo,
} from './wire/worker-values.ts';
