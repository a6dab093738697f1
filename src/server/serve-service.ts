import { type ByteString, type Reporter, byteStringFromText, displayBytes, unreachable } from '../base/index.ts';
import { failingExitStatus } from '../engine/index.ts';
import {
  type DerivingPath,
  NarWriter,
  type PathInfo,
  type ServeBuildOptions,
  type ServeCommand,
  type WireContext,
  WireReader,
  WireWriter,
  acceptServeConnection,
  derivationNameOf,
  formatDerivingPath,
  isBuildSuccess,
  parsePathWithOutputs,
  readBasicDerivation,
  readPathInfo,
  readServeBuildOptions,
  readServeCommand,
  readStorePath,
  readStorePaths,
  readStrings,
  writeServeBuildResult,
  writeServePathInfo,
  writeStorePath,
  writeStorePaths,
} from '../nix-compat/index.ts';
import { type ByteChannel, computeClosure, importExport, requireFacet } from '../store/index.ts';
import { ServerError } from './error.ts';
import { receiveNar } from './receive-nar.ts';
import type { BuildRequest, ServedStore } from './served-store.ts';
import { SizedReader } from './sized-reader.ts';

export interface ServeOptions {
  /** Whether the client may add, substitute and build. */
  readonly mayWrite: boolean;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** What is said of what has been done. */
const success = 1;

/**
 * Serves a client of `nix-store --serve` until it closes the connection. The protocol has no errors: whatever goes wrong is
 * thrown, and whoever called says it on standard error and closes the connection.
 */
export async function serveStore(channel: ByteChannel, served: ServedStore, options: ServeOptions): Promise<void> {
  await using reader = new WireReader(channel.source);
  const send = async (bytes: Uint8Array): Promise<void> => {
    channel.write(bytes);
    await channel.drain();
  };
  const version = await acceptServeConnection({ reader, send });
  const service = new ServeService({ channel, reader, version, served, options });
  for (let command = await readServeCommand(reader); command !== undefined; command = await readServeCommand(reader)) {
    options.signal.throwIfAborted();
    await service.answer(command);
  }
}

interface Serving {
  readonly channel: ByteChannel;
  readonly reader: WireReader;
  readonly version: number;
  readonly served: ServedStore;
  readonly options: ServeOptions;
}

class ServeService {
  readonly #channel: ByteChannel;
  readonly #reader: WireReader;
  readonly #context: WireContext;
  readonly #served: ServedStore;
  readonly #options: ServeOptions;

  constructor({ channel, reader, version, served, options }: Serving) {
    this.#channel = channel;
    this.#reader = reader;
    this.#context = { storeDir: served.store.storeDir, version };
    this.#served = served;
    this.#options = options;
  }

  /** Reads the rest of a request, does what it says and answers it. */
  async answer(command: ServeCommand): Promise<void> {
    const writer = new WireWriter();
    await this.#perform(command, writer);
    this.#channel.write(writer.take());
    await this.#channel.drain();
  }

  #perform(command: ServeCommand, writer: WireWriter): Promise<void> {
    switch (command) {
      case 'QueryValidPaths':
        return this.#queryValidPaths(writer);
      case 'QueryPathInfos':
        return this.#queryPathInfos(writer);
      case 'DumpStorePath':
        return this.#dumpStorePath();
      case 'ImportPaths':
        return this.#importPaths(writer);
      case 'BuildPaths':
        return this.#buildPaths(writer);
      case 'QueryClosure':
        return this.#queryClosure(writer);
      case 'BuildDerivation':
        return this.#buildDerivation(writer);
      case 'AddToStoreNar':
        return this.#addToStoreNar(writer);
      default:
        return unreachable(command);
    }
  }

  async #queryValidPaths(writer: WireWriter): Promise<void> {
    const { store } = this.#served;
    const { mayWrite, reporter, signal } = this.#options;
    const keeps = await this.#reader.boolean();
    const substitutes = await this.#reader.boolean();
    const paths = new Set(await readStorePaths(this.#reader, store.storeDir));
    if (keeps && mayWrite) await store.collector?.addTemporaryRoots(paths);
    if (substitutes && mayWrite) await this.#served.substitute(paths, { reporter, signal });
    writeStorePaths(writer, store.storeDir, [...(await store.validPaths(paths, { signal }))]);
  }

  async #queryPathInfos(writer: WireWriter): Promise<void> {
    const { store } = this.#served;
    for (const path of await readStorePaths(this.#reader, store.storeDir)) {
      const info = await store.pathInfo(path, { signal: this.#options.signal });
      if (info === undefined) continue;
      writeStorePath(writer, store.storeDir, path);
      writeServePathInfo(writer, this.#context, info);
    }
    writer.string(byteStringFromText(''));
  }

  async #dumpStorePath(): Promise<void> {
    const { store } = this.#served;
    const path = await readStorePath(this.#reader, store.storeDir);
    const nar = new NarWriter(bytes => this.#channel.write(bytes));
    await store.streamPath(path, nar, { signal: this.#options.signal, drain: () => this.#channel.drain() });
  }

  async #importPaths(writer: WireWriter): Promise<void> {
    this.#requireWriting('importing paths');
    const { store } = this.#served;
    await importExport(store, this.#reader, { checkSignatures: false, signal: this.#options.signal });
    writer.number(success);
  }

  async #queryClosure(writer: WireWriter): Promise<void> {
    const { store } = this.#served;
    const includeOutputs = await this.#reader.boolean();
    const paths = await readStorePaths(this.#reader, store.storeDir);
    const closure = await computeClosure(store, paths, { includeOutputs, signal: this.#options.signal });
    writeStorePaths(writer, store.storeDir, [...closure.keys()]);
  }

  async #addToStoreNar(writer: WireWriter): Promise<void> {
    this.#requireWriting('importing paths');
    const { store } = this.#served;
    const info: PathInfo = await readPathInfo(this.#reader, store.storeDir);
    if (info.narSize === 0) {
      throw new ServerError('request/malformed', 'narInfo is too old and missing the narSize field');
    }
    const nar = new SizedReader(this.#reader, info.narSize);
    const offer = { info, source: receiveNar(nar), from: 'the client', isTrusted: true };
    await requireFacet(store, 'writer', 'addToStore').add([{ path: info.path, offers: [offer] }], {
      checkSignatures: false,
      signal: this.#options.signal,
    });
    // It need not have been read if the path was valid.
    await nar.drain();
    writer.number(success);
  }

  async #buildPaths(writer: WireWriter): Promise<void> {
    this.#requireWriting('building paths');
    const { storeDir } = this.#served.store;
    const paths = (await readStrings(this.#reader)).map(text => parsePathWithOutputs(storeDir, text));
    this.#assign(await readServeBuildOptions(this.#reader, this.#context.version));
    const { paths: realised, failures } = await this.#served.realise(paths, this.#request());
    const failed: { readonly path: DerivingPath; readonly message: ByteString }[] = [];
    for (const { path, result } of realised)
      if (!isBuildSuccess(result.outcome)) failed.push({ path, message: result.outcome.message });
    const [first] = failed;
    if (first === undefined) {
      writer.number(0);
      return;
    }
    writer.number(failingExitStatus(failures));
    const names = failed.map(({ path }) => `'${displayBytes(formatDerivingPath(storeDir, path))}'`);
    const message =
      failed.length === 1 ? first.message : byteStringFromText(`build of ${names.toSorted().join(', ')} failed`);
    writer.string(message);
  }

  async #buildDerivation(writer: WireWriter): Promise<void> {
    this.#requireWriting('building paths');
    const { storeDir } = this.#served.store;
    const path = await readStorePath(this.#reader, storeDir);
    const derivation = await readBasicDerivation(this.#reader, { storeDir, name: derivationNameOf(path) });
    this.#assign(await readServeBuildOptions(this.#reader, this.#context.version));
    writeServeBuildResult(writer, this.#context, await this.#served.build(path, derivation, this.#request()));
  }

  /** Sets how is built from now on: as the client says, and without asking others. */
  #assign(options: ServeBuildOptions): void {
    if (options.repeats !== 0) {
      const message = 'client requested repeating builds, but this is not currently implemented';
      throw new ServerError('request/unsupported', message);
    }
    const values = {
      'keep-build-log': false,
      substitute: false,
      'max-silent-time': options.maxSilentTime,
      timeout: options.buildTimeout,
      'max-build-log-size': options.maxLogSize,
      'keep-failed': options.keepFailed,
    };
    for (const [name, value] of Object.entries(values)) this.#served.assign(name, String(value));
  }

  /** Nobody wants what a client wanted that is gone. */
  #request(): BuildRequest {
    const signal = AbortSignal.any([this.#options.signal, this.#channel.ended]);
    return { mode: 'normal', signal, reporter: this.#options.reporter };
  }

  #requireWriting(what: string): void {
    if (this.#options.mayWrite) return;
    throw new ServerError('request/forbidden', `${what} is not allowed`);
  }
}
