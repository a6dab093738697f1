/**
 * base: what every folder stands on and that knows nothing of Nix or of remote execution: errors with codes, byte
 * strings, branded types, bounded concurrency, reporting progress, the few system calls and the hash that Node lacks.
 *
 *     const name = byteStringFromText('naïve');          // one code unit a byte, ordered as memcmp does
 *     await forEachConcurrent(urls, { limit: 8, signal }, (url, signal) => fetchOne(url, signal));
 */
export { decodeForDisplay, encodeDisplayed } from './displayed-bytes.ts';
export {
  type Activity,
  type ActivityField,
  type ActivityProgress,
  type ActivityResult,
  type ActivityResultType,
  type ActivityStart,
  type ActivityType,
  type LazyText,
  type Reporter,
  type Verbosity,
  activityTypeNames,
  resolveText,
  silentReporter,
  verbosities,
  verbosityRank,
} from './activity.ts';
export { type Group, type User, findGroup, findUser } from './accounts.ts';
export { Blake3 } from './blake3.ts';
export { type Brand, brandAs } from './brand.ts';
export { builtFolder, entryFile, packageFolder, snapshotOption, startThread } from './program-files.ts';
export {
  type ByteString,
  asBuffer,
  byteStringFromLatin1,
  byteStringFromText,
  byteStringOf,
  bytesOf,
  decodeUtf8,
  displayBytes,
  equalBytes,
  textOf,
  toHex,
} from './bytes.ts';
export { blue, bold, emphasise, faint, green, magenta, normal, red } from './colours.ts';
export { Semaphore, forEachConcurrent, mapConcurrent, untilAborted, whenAborted } from './concurrency.ts';
export { type MountedPlace, parseMountTable } from './mount-table.ts';
export { SyscallError, nameOfErrno } from './ffi-library.ts';
export { QuestionBatches } from './question-batches.ts';
export { XzDecoder, decompressXz } from './xz-library.ts';
export {
  type EndedProcess,
  type ProcessStart,
  adoptOrphans,
  keepDescriptors,
  killProcessesOf,
  lowerLimit,
  makeMemoryFile,
  makeMemoryProgram,
  makePipe,
  moveDescriptor,
  reapProcess,
  setNonBlocking,
  startProcess,
} from './process-syscalls.ts';
export { wasProcessAlready } from './process-age.ts';
export { FirnError, errnoOf, messageOf, unreachable } from './errors.ts';
export { type ReportSink, createReporter } from './reporter.ts';
export { LocatedError, type SourcePosition, type TraceLine } from './source-position.ts';
export { editDistance, formatSuggestions, suggest } from './suggestions.ts';
export { hasByteLocks, tryLockByte } from './byte-range-locks.ts';
export {
  hasExtendedAttributes,
  inodeFlags,
  restoreSignals,
  syncFileSystem,
  tryLockFile,
  unlockFile,
} from './syscalls.ts';
export { preferHugePages } from './huge-pages.ts';
export { type Sha256Hasher, sha256Hasher, sha256Hex } from './sha256.ts';
export { systemErrorText, wordsOfErrno } from './system-error.ts';
export { type FileSystemMount, mountReadOnly, unmount } from './mount-syscalls.ts';
export { ReadablePair } from './poll-syscalls.ts';
export { type Peer, SocketWatch, makeSocketPair, peerOf, receiveDescriptor } from './socket-syscalls.ts';
export { openTerminal } from './terminal-syscalls.ts';
export { type TreeSink, ignoreTree, teeTree } from './tree-events.ts';
