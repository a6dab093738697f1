import { type Reporter, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type BuildMode,
  type BuildResult,
  type ClientOptions,
  type DerivationOutputId,
  type DerivingPath,
  FramedWriter,
  type MissingPaths,
  type OutputName,
  type PathInfo,
  type Realisation,
  type RealisedOutput,
  type Signature,
  type SingleDerivingPath,
  type StoreDir,
  type StorePath,
  type WireReader,
  WireWriter,
  type WorkerContext,
  type WorkerOperation,
  clientWorkerProtocol,
  formatContentAddressKind,
  openWorkerConnection,
  printStorePath,
  protocolVersion,
  readBuildResult,
  readDerivingPath,
  readMissingPaths,
  readOptionalStorePath,
  readPathInfo,
  readRealisation,
  readStorePaths,
  readUnkeyedPathInfo,
  writeBasicDerivation,
  writeBuildMode,
  writeClientOptions,
  writeDerivingPath,
  writeOutputId,
  writePathInfo,
  writeRealisation,
  writeSignatures,
  writeSingleDerivingPath,
  writeStorePath,
  writeStorePaths,
  writeWorkerOperation,
  workerFeatures,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { ByteChannel } from '../remote/byte-channel.ts';
import { feedNar } from '../remote/feed-nar.ts';
import { greetPeer } from '../remote/greeting.ts';
import type { AddNarOptions, NarReceiver, PeerConnection, RemoteBuild } from '../remote/peer-connection.ts';
import { requireSubset } from '../remote/require-subset.ts';
import { sendNar } from '../remote/send-nar.ts';
import type { AddOptions } from '../local/add-to-store.ts';
import type { KeeperInfo, PathOffer, TreeSource } from '../store.ts';
import { sendContents } from './send-contents.ts';
import { RemoteLog } from './remote-log.ts';

export interface WorkerConnectionOptions {
  readonly storeDir: StoreDir;
  /** What messages call the store. */
  readonly uri: string;
  /** See `GreetingOptions`. */
  readonly preamble: string;
  readonly reporter: Reporter;
}

export interface AddContentsOptions extends AddOptions {
  readonly scan?: boolean;
}

/** What became of a deriving path. */
export interface RemoteResult {
  readonly path: DerivingPath;
  readonly result: BuildResult;
}

/** Since when paths can be added many at a time: Nix 2.5. */
const multipleSince = protocolVersion(1, 32);
const substitutesSince = protocolVersion(1, 27);
/** Since when contents are sent in frames and realisations as such: Nix 2.4. */
const oldestForData = protocolVersion(1, 31);

/** Since when builds are answered with results. */
const resultsSince = protocolVersion(1, 34);

/** Requests that are sent before the answer to the first is read: what waits in the pipes is small. */
const requestsAhead = 64;

/** The client's side of the worker protocol, as daemons and `nix-daemon --stdio` speak it. */
export class WorkerConnection implements PeerConnection {
  readonly keeper: KeeperInfo;
  readonly #channel: ByteChannel;
  readonly #reader: WireReader;
  readonly #context: WorkerContext;
  readonly #reporter: Reporter;

  private constructor(opened: {
    readonly channel: ByteChannel;
    readonly reader: WireReader;
    readonly context: WorkerContext;
    readonly keeper: KeeperInfo;
    readonly reporter: Reporter;
  }) {
    this.#channel = opened.channel;
    this.#reader = opened.reader;
    this.#context = opened.context;
    this.keeper = opened.keeper;
    this.#reporter = opened.reporter;
  }

  /** Takes over `channel`, also where it throws: `remote/unreachable`, `wire/unsupported-version`. */
  static async open(channel: ByteChannel, options: WorkerConnectionOptions): Promise<WorkerConnection> {
    const { storeDir, uri, preamble, reporter } = options;
    const prefix = `cannot open connection to remote store '${uri}'`;
    try {
      const greeting = {
        channel,
        preamble,
        mismatch: (got: string) => `${prefix}: protocol mismatch, got '${got}'`,
        silence: `${prefix}: Nix daemon disconnected unexpectedly (maybe it crashed?)`,
      };
      return await greetPeer(greeting, async reader => {
        const end = { reader, send: (bytes: Uint8Array) => channel.write(bytes) };
        const { protocol, daemon } = await openWorkerConnection(end, clientWorkerProtocol);
        using log = new RemoteLog(reporter);
        await log.follow(reader, protocol.version);
        const version = daemon.version === undefined ? undefined : displayBytes(daemon.version);
        const keeper = { version, trustsUs: daemon.trustsClient };
        return new WorkerConnection({ channel, reader, context: { storeDir, ...protocol }, keeper, reporter });
      });
    } catch (error) {
      await channel[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Tells the other side of settings, by which what is asked from then on is done. */
  async setOptions(options: ClientOptions): Promise<void> {
    if (this.#context.features.has(workerFeatures.noSettings)) return;
    await this.call(
      'SetOptions',
      writer => writeClientOptions(writer, options),
      () => Promise.resolve(),
    );
  }

  get isOver(): boolean {
    return this.#channel.ended.aborted;
  }

  async pathInfos(paths: ReadonlySet<StorePath>): Promise<Map<StorePath, PathInfo>> {
    const infos = new Map<StorePath, PathInfo>();
    const wanted = [...paths];
    let failure: StoreError | undefined;
    for (let at = 0; at < wanted.length && failure === undefined; at += requestsAhead) {
      const batch = wanted.slice(at, at + requestsAhead);
      for (const path of batch)
        await this.#send(this.#request('QueryPathInfo', writer => this.#writePath(writer, path)));
      for (const path of batch) {
        try {
          const info = await this.#answer(async reader =>
            (await reader.boolean()) ? await readUnkeyedPathInfo(reader, this.#context.storeDir) : undefined,
          );
          if (info !== undefined) infos.set(path, { path, ...info });
        } catch (error) {
          // The other answers are still to come.
          if (!(error instanceof StoreError && error.code === 'remote/failed')) throw error;
          failure ??= error;
        }
      }
    }
    if (failure !== undefined) throw failure;
    return infos;
  }

  async validPaths(paths: ReadonlySet<StorePath>, substitute: boolean): Promise<Set<StorePath>> {
    const { storeDir, version } = this.#context;
    const found = await this.call(
      'QueryValidPaths',
      writer => {
        writeStorePaths(writer, storeDir, [...paths]);
        if (version >= substitutesSince) writer.boolean(substitute);
      },
      reader => readStorePaths(reader, storeDir),
    );
    return requireSubset(storeDir, found, paths);
  }

  async requestNar(path: StorePath): Promise<void> {
    await this.#send(this.#request('NarFromPath', writer => this.#writePath(writer, path)));
  }

  async readNar(receiver: NarReceiver): Promise<void> {
    await this.#answer(reader => feedNar(reader, receiver));
  }

  async add(offer: PathOffer, { repair, checkSignatures, signal }: AddNarOptions): Promise<void> {
    const { storeDir } = this.#context;
    const name = printStorePath(storeDir, offer.info.path);
    this.#requireData();
    await this.#send(
      this.#request('AddToStoreNar', writer => {
        writePathInfo(writer, storeDir, offer.info);
        writer.boolean(repair);
        writer.boolean(!checkSignatures);
      }),
    );
    await this.#sendFrames(signal, (write, stop) =>
      sendNar(offer, { name, write, drain: () => this.#channel.drain(), signal: stop }),
    );
  }

  /** Whether the other side serves us as the builder of a build that goes on there. */
  get isBuilders(): boolean {
    return this.#context.features.has(workerFeatures.addScanned);
  }

  /** Adds a tree under the path that its contents give it there; with `scan`, what that refers to is found in them. */
  async addContents(source: TreeSource, options: AddContentsOptions): Promise<PathInfo> {
    const { storeDir } = this.#context;
    const { name, method = 'nar', algorithm = 'sha256', references, repair = false, scan = false } = options;
    this.#requireData();
    if (scan && !this.isBuilders) {
      const message =
        'adding to the store with scanning was requested, but that is for the builders of derivations that use Nix';
      throw new StoreError('store/unsupported', message);
    }
    await this.#send(
      this.#request(scan ? 'AddToStoreScanning' : 'AddToStore', writer => {
        writer.string(byteStringFromText(name));
        writer.string(byteStringFromText(formatContentAddressKind({ method, algorithm })));
        if (scan) return;
        writeStorePaths(writer, storeDir, [...(references?.others ?? [])]);
        writer.boolean(repair);
      }),
    );
    await this.#sendFrames(options.signal, (write, signal) =>
      sendContents(source, options, { write, drain: () => this.#channel.drain(), signal }),
    );
    return readPathInfo(this.#reader, storeDir);
  }

  /** Names a path as an output of the build that we are the builder of. */
  async submit(path: SingleDerivingPath, output: OutputName): Promise<void> {
    if (!this.#context.features.has(workerFeatures.submit)) {
      const message =
        'the daemon does not support SubmitOutput, perhaps this is not in a derivation with the `builder-rpc-v0` feature?';
      throw new StoreError('store/unsupported', message);
    }
    await this.acknowledged('SubmitOutput', writer => {
      writeSingleDerivingPath(writer, this.#context.storeDir, path);
      writer.string(output);
    });
  }

  /** Undefined before Nix 2.5, which takes paths one by one. */
  get addAll(): PeerConnection['addAll'] {
    return this.#context.version < multipleSince ? undefined : (offers, options) => this.#addAll(offers, options);
  }

  async #addAll(offers: readonly PathOffer[], { repair, checkSignatures, signal }: AddNarOptions): Promise<void> {
    const { storeDir } = this.#context;
    await this.#send(
      this.#request('AddMultipleToStore', writer => {
        writer.boolean(repair);
        writer.boolean(!checkSignatures);
      }),
    );
    await this.#sendFrames(signal, async (write, stop) => {
      // Infos and small NARs go together: each frame costs both sides a call.
      const gathered = new SmallWrites(write);
      const writer = new WireWriter();
      writer.number(offers.length);
      for (const offer of offers) {
        writePathInfo(writer, storeDir, offer.info);
        gathered.add(writer.take());
        const drain = () => this.#channel.drain();
        const name = printStorePath(storeDir, offer.info.path);
        await sendNar(offer, { name, write: bytes => gathered.add(bytes), drain, signal: stop });
      }
      gathered.add(writer.take());
      gathered.flush();
    });
  }

  pathFromHashPart(hashPart: string): Promise<StorePath | undefined> {
    return this.call(
      'QueryPathFromHashPart',
      writer => writer.string(byteStringFromText(hashPart)),
      reader => readOptionalStorePath(reader, this.#context.storeDir),
    );
  }

  async realisation(id: DerivationOutputId): Promise<RealisedOutput | undefined> {
    this.#requireData();
    const [found] = await this.call(
      'QueryRealisation',
      writer => writeOutputId(writer, id),
      reader => reader.list(() => readRealisation(reader)),
    );
    return found === undefined ? undefined : { path: found.path, signatures: found.signatures };
  }

  async addSignatures(path: StorePath, signatures: readonly Signature[]): Promise<void> {
    await this.acknowledged('AddSignatures', writer => {
      this.#writePath(writer, path);
      writeSignatures(writer, signatures);
    });
  }

  async addRealisation(realisation: Realisation): Promise<void> {
    this.#requireData();
    await this.call('RegisterDrvOutput', writer => writeRealisation(writer, realisation), nothing);
  }

  async addBuildLog(path: StorePath, log: Uint8Array): Promise<void> {
    this.#requireData();
    await this.#send(this.#request('AddBuildLog', writer => writer.string(byteStringFromText(path))));
    await this.#sendFrames(undefined, async write => {
      write(log);
      await this.#channel.drain();
    });
    await this.#reader.number();
  }

  /** What became of deriving paths that the other side was to make valid: failures are among it. */
  async realise(
    wanted: readonly DerivingPath[],
    mode: BuildMode,
    reporter: Reporter = this.#reporter,
  ): Promise<RemoteResult[]> {
    if (this.#context.version < resultsSince) throw tooOld('2.5');
    await this.#send(
      this.#request('BuildPathsWithResults', writer => {
        this.#writeWanted(writer, wanted);
        writeBuildMode(writer, mode);
      }),
    );
    const readResult = async (reader: WireReader) => ({
      path: await readDerivingPath(reader, this.#context),
      result: await readBuildResult(reader, this.#context),
    });
    return this.#answer(reader => reader.list(() => readResult(reader)), reporter);
  }

  /** The other side goes by its own settings: those are not ours to change. */
  async build({ path, derivation, mode }: RemoteBuild, reporter: Reporter): Promise<BuildResult> {
    const { storeDir } = this.#context;
    await this.#send(
      this.#request('BuildDerivation', writer => {
        this.#writePath(writer, path);
        writeBasicDerivation(writer, storeDir, derivation);
        writeBuildMode(writer, mode);
      }),
    );
    return this.#answer(reader => readBuildResult(reader, this.#context), reporter);
  }

  /** What making deriving paths valid would take. */
  missing(wanted: readonly DerivingPath[]): Promise<MissingPaths> {
    return this.call(
      'QueryMissing',
      writer => this.#writeWanted(writer, wanted),
      reader => readMissingPaths(reader, this.#context.storeDir),
    );
  }

  #writeWanted(writer: WireWriter, wanted: readonly DerivingPath[]): void {
    writer.list(wanted, path => writeDerivingPath(writer, this.#context, path));
  }

  /** Makes a request and reads its answer. Throws `remote/failed` where the other side says so. */
  async call<T>(
    operation: WorkerOperation,
    write: (writer: WireWriter) => void,
    read: (reader: WireReader) => Promise<T>,
  ): Promise<T> {
    await this.#send(this.#request(operation, write));
    return this.#answer(read);
  }

  /** Makes a request whose answer is that it has been done. */
  async acknowledged(operation: WorkerOperation, write: (writer: WireWriter) => void): Promise<void> {
    await this.call(operation, write, reader => reader.number());
  }

  #request(operation: WorkerOperation, write: (writer: WireWriter) => void): WireWriter {
    const writer = new WireWriter();
    writeWorkerOperation(writer, operation);
    write(writer);
    return writer;
  }

  async #send(request: WireWriter): Promise<void> {
    this.#channel.write(request.take());
    await this.#channel.drain();
  }

  async #answer<T>(read: (reader: WireReader) => Promise<T>, reporter = this.#reporter): Promise<T> {
    using log = new RemoteLog(reporter);
    await log.follow(this.#reader, this.#context.version);
    return await read(this.#reader);
  }

  /**
   * Sends data while the other side may report how it goes. Where that says that it has failed, no more is sent; where the
   * data cannot be had, nothing can be said of that, and the connection is of no more use.
   */
  async #sendFrames(
    signal: AbortSignal | undefined,
    send: (write: (bytes: Uint8Array) => void, stop: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const frames = new FramedWriter(bytes => this.#channel.write(bytes));
    const stop = new AbortController();
    let refusal: { readonly error: unknown } | undefined;
    const answered = this.#answer(nothing).catch((error: unknown) => {
      refusal = { error };
      stop.abort(error);
    });
    try {
      await send(
        bytes => frames.push(bytes),
        signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
      );
    } catch (error) {
      if (refusal === undefined) {
        this.#channel.destroy();
        await answered;
        throw error;
      }
    }
    frames.end();
    await answered;
    if (refusal !== undefined) throw refusal.error;
  }

  /** Throws `store/unsupported`. */
  #requireData(): void {
    if (this.#context.version < oldestForData) throw tooOld('2.4');
  }

  #writePath(writer: WireWriter, path: StorePath): void {
    writeStorePath(writer, this.#context.storeDir, path);
  }

  destroy(): void {
    this.#channel.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
  }
}

function tooOld(version: string): StoreError {
  const message = `the Nix daemon is too old for what is wanted of it: that needs Nix ${version} or later there`;
  return new StoreError('store/unsupported', message);
}

async function nothing(): Promise<void> {}

/** Bytes that are gathered before they are written. */
const gatheredSize = 64 * 1024;

class SmallWrites {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #buffer = Buffer.allocUnsafeSlow(gatheredSize);
  #used = 0;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** `bytes` are lent. */
  add(bytes: Uint8Array): void {
    if (bytes.byteLength > gatheredSize - this.#used) this.flush();
    if (bytes.byteLength > gatheredSize) return this.#write(bytes);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.byteLength;
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
