import {
  type BuildResult,
  type PathInfo,
  type ProtocolVersion,
  type StoreDir,
  type StorePath,
  type WireReader,
  WireWriter,
  openServeConnection,
  printStorePath,
  readServeBuildResult,
  readServePathInfo,
  readStorePaths,
  parseStorePathIn,
  writeBasicDerivation,
  writePathInfo,
  writeServeBuildOptions,
  writeServeCommand,
  writeStorePath,
  writeStorePaths,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { ByteChannel } from '../remote/byte-channel.ts';
import { feedNar } from '../remote/feed-nar.ts';
import { greetPeer } from '../remote/greeting.ts';
import type { AddNarOptions, NarReceiver, PeerConnection, RemoteBuild } from '../remote/peer-connection.ts';
import { sendNar } from '../remote/send-nar.ts';
import { requireSubset } from '../remote/require-subset.ts';
import type { KeeperInfo, PathOffer } from '../store.ts';

export interface ServeConnectionOptions {
  readonly storeDir: StoreDir;
  /** What messages call the other side. */
  readonly host: string;
  readonly preamble: string;
}

/** The answer to what has been done. */
const success = 1;

/**
 * The client's side of `nix-store --serve`. Errors are not part of this protocol: the other side writes them to its standard
 * error and ends the connection.
 */
export class ServeConnection implements PeerConnection {
  /** Nothing of the like is said. */
  readonly keeper: KeeperInfo = { version: undefined, trustsUs: undefined };
  readonly version: ProtocolVersion;
  readonly #channel: ByteChannel;
  readonly #reader: WireReader;
  readonly #storeDir: StoreDir;
  readonly #host: string;

  private constructor(
    channel: ByteChannel,
    reader: WireReader,
    version: ProtocolVersion,
    options: ServeConnectionOptions,
  ) {
    this.#channel = channel;
    this.#reader = reader;
    this.version = version;
    this.#storeDir = options.storeDir;
    this.#host = options.host;
  }

  /** Takes over `channel`, also where it throws: `remote/unreachable`, `wire/unsupported-version`. */
  static async open(channel: ByteChannel, options: ServeConnectionOptions): Promise<ServeConnection> {
    const { host, preamble } = options;
    try {
      const greeting = {
        channel,
        preamble,
        mismatch: (got: string) => `'nix-store --serve' protocol mismatch from '${host}', got '${got}'`,
        silence: preamble === '' ? `cannot connect to '${host}'` : `failed to start SSH connection to '${host}'`,
      };
      return await greetPeer(greeting, async reader => {
        const version = await openServeConnection({ reader, send: bytes => channel.write(bytes) });
        return new ServeConnection(channel, reader, version, options);
      });
    } catch (error) {
      await channel[Symbol.asyncDispose]();
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#channel.ended.aborted;
  }

  async pathInfos(paths: ReadonlySet<StorePath>): Promise<Map<StorePath, PathInfo>> {
    const request = this.#request('QueryPathInfos');
    writeStorePaths(request, this.#storeDir, [...paths]);
    await this.#send(request);
    const infos = new Map<StorePath, PathInfo>();
    for (let text = await this.#reader.string(); text !== ''; text = await this.#reader.string()) {
      const path = parseStorePathIn(this.#storeDir, text);
      requireSubset(this.#storeDir, [path], paths);
      if (infos.has(path))
        throw new StoreError(
          'remote/bad-answer',
          `the other side tells of '${printStorePath(this.#storeDir, path)}' twice`,
        );
      infos.set(path, { path, ...(await readServePathInfo(this.#reader, this.#storeDir)) });
      this.#reader.startMessage();
    }
    return infos;
  }

  async validPaths(paths: ReadonlySet<StorePath>, substitute: boolean): Promise<Set<StorePath>> {
    const request = this.#request('QueryValidPaths');
    request.boolean(false); // whether to keep them
    request.boolean(substitute);
    writeStorePaths(request, this.#storeDir, [...paths]);
    await this.#send(request);
    return requireSubset(this.#storeDir, await readStorePaths(this.#reader, this.#storeDir), paths);
  }

  async requestNar(path: StorePath): Promise<void> {
    const request = this.#request('DumpStorePath');
    writeStorePath(request, this.#storeDir, path);
    await this.#send(request);
  }

  async readNar(receiver: NarReceiver): Promise<void> {
    this.#reader.startMessage();
    await feedNar(this.#reader, receiver);
  }

  /** The other side does not ask for signatures: whoever may write to it is trusted. */
  async add(offer: PathOffer, { signal }: AddNarOptions): Promise<void> {
    const { info } = offer;
    const name = printStorePath(this.#storeDir, info.path);
    // A server takes it for the format of long ago.
    if (info.narSize === 0) throw new StoreError('path/hash-mismatch', `the size of the NAR of '${name}' is not known`);
    const request = this.#request('AddToStoreNar');
    writePathInfo(request, this.#storeDir, info);
    await this.#send(request);
    await sendNar(offer, {
      name,
      signal,
      write: bytes => this.#channel.write(bytes),
      drain: () => this.#channel.drain(),
    });
    if ((await this.#reader.number()) === success) return;
    throw new StoreError('remote/bad-answer', `failed to add path '${name}' to remote host '${this.#host}'`);
  }

  /** What it says meanwhile goes to its standard error. It builds normally, whatever the mode. */
  async build({ path, derivation, limits }: RemoteBuild): Promise<BuildResult> {
    const request = this.#request('BuildDerivation');
    writeStorePath(request, this.#storeDir, path);
    writeBasicDerivation(request, this.#storeDir, derivation);
    writeServeBuildOptions(request, this.version, {
      maxSilentTime: limits.maxSilentTime,
      buildTimeout: limits.timeout,
      maxLogSize: limits.maxLogSize,
      repeats: 0,
      enforceDeterminism: false,
      keepFailed: limits.keepsFailed,
    });
    await this.#send(request);
    return readServeBuildResult(this.#reader, { storeDir: this.#storeDir, version: this.version });
  }

  #request(command: Parameters<typeof writeServeCommand>[1]): WireWriter {
    const writer = new WireWriter();
    writeServeCommand(writer, command);
    return writer;
  }

  async #send(request: WireWriter): Promise<void> {
    this.#reader.startMessage();
    this.#channel.write(request.take());
    await this.#channel.drain();
  }

  destroy(): void {
    this.#channel.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
  }
}
