import { FirnError, byteStringFromText, errnoOf } from '../base/index.ts';
import {
  type MessageBudget,
  NixCompatError,
  WireReader,
  type WorkerOperation,
  type WorkerProtocol,
  acceptWorkerConnection,
  latestWorkerProtocol,
  readWorkerOperation,
  takeStorePath,
  takeWorkerOperation,
  workerFeatures,
} from '../nix-compat/index.ts';
import type { ByteChannel } from '../store/index.ts';
import { ServerError } from './error.ts';
import type { ServedStore } from './served-store.ts';
import * as additions from './worker-additions.ts';
import * as builds from './worker-builds.ts';
import * as queries from './worker-queries.ts';
import { WorkerSession } from './worker-session.ts';
import * as upkeep from './worker-upkeep.ts';

export interface WorkerOptions {
  /** Whether the client may do what could harm other users of the store. */
  readonly isTrusted: boolean;
  readonly signal: AbortSignal;
  /** Told of errors that are ours, of which the client is told the messages. */
  readonly onFault?: (error: unknown) => void;
  /** What the requests of all clients may take of memory; as much as they like unless given. */
  readonly budget?: MessageBudget;
}

/** Reads the rest of a request, does what it says and writes the answer. */
type Answer = (session: WorkerSession) => Promise<void>;

/** Those that are missing belong to clients before Nix 2.4. */
const answers: { readonly [Operation in WorkerOperation]?: Answer } = {
  IsValidPath: queries.isValidPath,
  QueryReferrers: queries.queryReferrers,
  AddToStore: additions.addContents,
  BuildPaths: builds.buildPaths,
  EnsurePath: builds.ensurePath,
  AddTempRoot: upkeep.addTemporaryRoot,
  AddIndirectRoot: upkeep.addIndirectRoot,
  SyncWithGC: upkeep.syncWithCollector,
  FindRoots: upkeep.findRoots,
  QueryDeriver: queries.queryDeriver,
  SetOptions: upkeep.setOptions,
  CollectGarbage: upkeep.collectGarbage,
  QuerySubstitutablePathInfo: queries.querySubstitutablePathInfo,
  QueryAllValidPaths: queries.queryAllValidPaths,
  QueryPathInfo: queries.queryPathInfo,
  QueryPathFromHashPart: queries.queryPathFromHashPart,
  QuerySubstitutablePathInfos: queries.querySubstitutablePathInfos,
  QueryValidPaths: queries.queryValidPaths,
  QuerySubstitutablePaths: queries.querySubstitutablePaths,
  QueryValidDerivers: queries.queryValidDerivers,
  OptimiseStore: upkeep.optimiseStore,
  VerifyStore: upkeep.verifyStore,
  BuildDerivation: builds.buildDerivation,
  AddSignatures: additions.addSignatures,
  NarFromPath: queries.narFromPath,
  AddToStoreNar: additions.addToStoreNar,
  QueryMissing: builds.queryMissing,
  QueryDerivationOutputMap: queries.queryDerivationOutputMap,
  RegisterDrvOutput: additions.registerDrvOutput,
  QueryRealisation: queries.queryRealisation,
  AddMultipleToStore: additions.addMultipleToStore,
  AddBuildLog: additions.addBuildLog,
  BuildPathsWithResults: builds.buildPathsWithResults,
  AddPermRoot: upkeep.addPermanentRoot,
  SubmitOutput: additions.submitOutput,
  AddToStoreScanning: additions.addScannedContents,
};

/** Of those that ask about a path, for stores that have it at hand. */
const answersAtHand: { readonly [Operation in WorkerOperation]?: queries.AnswerAtHand } = {
  IsValidPath: queries.tellIsValid,
  QueryPathInfo: queries.tellPathInfo,
};

/** Bytes of answers beyond which they are sent though more requests are here, so that the client begins to read. */
const answersAtOnce = 4096;

/** What only builders may ask for, as C++ Nix from 2.35 on has it. */
const builderOperations: ReadonlySet<WorkerOperation> = new Set(['SubmitOutput', 'AddToStoreScanning']);

/** All that a builder may ask for that submits its outputs: nothing of it tells what else is in the store. */
const submittingOperations: ReadonlySet<WorkerOperation> = new Set([
  'AddToStore',
  'AddMultipleToStore',
  'AddToStoreNar',
  'AddToStoreScanning',
  'SubmitOutput',
  'AddTempRoot',
  'IsValidPath',
  'SetOptions',
]);

function requireAllowed(operation: WorkerOperation, { builder }: ServedStore): void {
  if (builder?.mode === 'submit' ? submittingOperations.has(operation) : operation !== 'SubmitOutput') {
    if (builder !== undefined || !builderOperations.has(operation)) return;
  }
  const way =
    builder === undefined
      ? 'it is for builders alone'
      : 'a derivation with `builder-rpc-v0` adds and submits its outputs';
  throw new ServerError('request/forbidden', `Operation '${operation}' not allowed here: ${way}`);
}

function offeredTo({ builder }: ServedStore): WorkerProtocol {
  if (builder === undefined) return latestWorkerProtocol;
  const features = [workerFeatures.addScanned, workerFeatures.noSettings];
  if (builder.mode === 'submit') features.push(workerFeatures.submit);
  return { ...latestWorkerProtocol, features: new Set(features) };
}

/**
 * Serves a client of the worker protocol until it closes the connection. What fails is told to the client; where the
 * request could not be read to its end the connection is of no more use, and that is thrown, too.
 */
export async function serveWorker(channel: ByteChannel, served: ServedStore, options: WorkerOptions): Promise<void> {
  const { isTrusted, signal, onFault } = options;
  const limits = options.budget === undefined ? {} : { budget: options.budget };
  await using reader = new WireReader(channel.source, limits);
  const send = async (bytes: Uint8Array): Promise<void> => {
    channel.write(bytes);
    await channel.drain();
  };
  const { store, version } = served;
  // Both of us have to trust the client.
  const trustsClient = isTrusted && store.keeper !== undefined ? (await store.keeper({ signal })).trustsUs : isTrusted;
  const protocol = await acceptWorkerConnection(
    { reader, send },
    { version: byteStringFromText(version), trustsClient },
    offeredTo(served),
  );
  const context = { storeDir: store.storeDir, ...protocol };
  const session = new WorkerSession({ channel, reader, limits, context, served, isTrusted, signal });
  await session.work(() => Promise.resolve());
  await session.flush();
  for (;;) {
    signal.throwIfAborted();
    try {
      session.startRequest();
      const operation = takeWorkerOperation(reader) ?? (await nextOperation(session));
      if (operation === undefined) return;
      requireAllowed(operation, served);
      if (tellAtHand(session, operation)) {
        if (session.writer.size >= answersAtOnce || !reader.hasUnread) session.send();
        if (channel.isCongested) await channel.drain();
        continue;
      }
      // It may take long.
      session.send();
      const answer = answers[operation];
      if (answer === undefined) {
        throw new ServerError('request/unsupported', `the operation '${operation}' is of clients before Nix 2.4`);
      }
      await answer(session);
      await session.flush();
    } catch (error) {
      if (isFault(error)) onFault?.(error);
      const isLost = session.isLost || (error instanceof NixCompatError && error.code.startsWith('wire/'));
      await session.fail(error).catch(() => undefined);
      if (isLost) throw error;
    }
  }
}

/** Waits for the next request: by then all answers are sent. */
function nextOperation(session: WorkerSession): Promise<WorkerOperation | undefined> {
  session.send();
  return readWorkerOperation(session.reader);
}

/** Answers a request if that can be done at once, since all of it is here and its answer is at hand. */
function tellAtHand(session: WorkerSession, operation: WorkerOperation): boolean {
  const tell = answersAtHand[operation];
  const known = session.store.atHand;
  if (tell === undefined || known === undefined) return false;
  const path = takeStorePath(session.reader, session.storeDir);
  if (path === undefined) return false;
  tell(session, path, known);
  return true;
}

/** Whether an error is nothing that a client, the system or a cancellation brings about. */
function isFault(error: unknown): boolean {
  const isCancelled = error instanceof DOMException && error.name === 'AbortError';
  return !(error instanceof FirnError || isCancelled || errnoOf(error) !== undefined);
}
