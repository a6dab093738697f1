import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { byteStringOf, displayBytes, errnoOf, messageOf } from '../../base/index.ts';
import {
  type DerivationOutputId,
  NarWriter,
  NixCompatError,
  type PathInfo,
  type StorePath,
  formatNixCacheInfo,
  formatOutputId,
  maxNarInfoSize,
  parseJson,
  parseNarInfo,
  realisationFromJson,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { GrpcStatus, type StatusName } from '../../grpc/index.ts';
import { type PathOffer, StoreError, type StoreErrorCode, requireFacet } from '../../store/index.ts';
import { type BodyLimit, bodyChunks, wholeBody } from '../http/request-body.ts';
import { isSentNarName } from './cache-resource.ts';
import { type ServedCache, showsPath } from './served-cache.ts';

/** Bytes of a compressed NAR, of all that wait for their narinfos, of a log and of a realisation. */
const limits = { nar: 64 * 2 ** 30, waiting: 128 * 2 ** 30, log: 256 * 2 ** 20, realisation: 2 ** 20 };

/** Milliseconds for which a NAR waits for its narinfo. */
const patience = 3600_000;

export interface NarInfoOptions {
  readonly instance: string;
  /** Of the file's name. */
  readonly hashPart: string;
  /** Whether the path needs no signature. */
  readonly isTrusted: boolean;
}

/**
 * Store paths on their way into the store: a client first sends the NAR and then what it is. The NAR waits in a folder, and
 * both are a binary cache there, from which the path is added as from any other: hashed, with all that it refers to valid,
 * signed by somebody who is trusted or known by its contents.
 */
export class SentPaths implements AsyncDisposable {
  readonly #cache: ServedCache;
  readonly #nars: string;
  #serial = 0;

  constructor(cache: ServedCache) {
    this.#cache = cache;
    this.#nars = join(cache.spool, 'nar');
    // What another process left there is nobody's.
    rmSync(cache.spool, { recursive: true, force: true });
    mkdirSync(this.#nars, { recursive: true, mode: 0o700 });
    const storeDir = byteStringOf(Buffer.from(cache.store.storeDir));
    writeFileSync(join(cache.spool, 'nix-cache-info'), formatNixCacheInfo({ storeDir }));
  }

  async receiveNar(request: IncomingMessage, name: string): Promise<void> {
    const waiting = this.#removeForgotten();
    const temporary = join(this.#cache.spool, `part-${this.#serial++}`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      const limit = bodyOf(Math.min(limits.nar, limits.waiting - waiting));
      for await (const chunk of bodyChunks(request, limit)) await file.writeFile(chunk);
      await file.close();
      renameSync(temporary, join(this.#nars, name));
    } catch (error) {
      await file.close().catch(() => undefined);
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** Bytes that wait, when those have gone that have waited for too long. */
  #removeForgotten(): number {
    let size = 0;
    for (const name of readdirSync(this.#nars)) {
      const file = join(this.#nars, name);
      try {
        const stats = statSync(file);
        if (Date.now() - stats.mtimeMs > patience) rmSync(file, { force: true });
        else size += stats.size;
      } catch (error) {
        // Its narinfo has come meanwhile.
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
    }
    return size;
  }

  async receiveNarInfo(request: IncomingMessage, options: NarInfoOptions): Promise<void> {
    const { instance, hashPart } = options;
    const { store, spool } = this.#cache;
    const bytes = await wholeBody(request, bodyOf(maxNarInfoSize));
    const name = `${hashPart}.narinfo`;
    const info = said(() => parseNarInfo(store.storeDir, bytes, { source: name }));
    if (storePathHashPart(info.path) !== hashPart) {
      throw new GrpcStatus('invalidArgument', `'${name}' is of another path, '${info.path}'`);
    }
    const nar = sentNarOf(displayBytes(info.url));
    try {
      const known = await store.pathInfo(info.path);
      if (known === undefined || !showsPath(this.#cache, instance, known)) {
        if (nar === undefined || !isSent(join(this.#nars, nar))) {
          const what = `'${displayBytes(info.url)}', the NAR of '${info.path}', was not sent`;
          throw new GrpcStatus('failedPrecondition', what);
        }
        await this.#requireReferences(instance, known ?? info);
        writeFileSync(join(spool, name), bytes);
        if (known === undefined) await this.#add(info, options.isTrusted);
        else await this.#compare(info, known);
      }
      if (known !== undefined) {
        // Signatures that are new are worth having; those of others are looked at when they are needed.
        await requireFacet(store, 'writer', 'addSignatures').addSignatures(info.path, info.signatures);
      }
      if (nar === undefined || (known !== undefined && !isSame(info, known))) return;
      const contents = { path: info.path, narHash: info.narHash.digest, compression: displayBytes(info.compression) };
      this.#cache.sent.record({ instance, name: `nar/${nar}` }, contents);
    } finally {
      rmSync(join(spool, name), { force: true });
      if (nar !== undefined) rmSync(join(this.#nars, nar), { force: true });
    }
  }

  /** In a private instance nobody learns of what others sent by referring to it. */
  async #requireReferences(instance: string, { path, references }: PathInfo): Promise<void> {
    for (const reference of references) {
      const known = reference === path ? undefined : await this.#cache.store.pathInfo(reference);
      if (known === undefined || showsPath(this.#cache, instance, known)) continue;
      throw new GrpcStatus('failedPrecondition', `'${reference}', which '${path}' refers to, is not here`);
    }
  }

  async #add(info: PathInfo, isTrusted: boolean): Promise<void> {
    const { store, spool } = this.#cache;
    try {
      await using folder = await this.#cache.openFolder(spool);
      const offer: PathOffer = {
        info,
        source: (sink, drain, signal) => folder.streamPath(info.path, sink, { drain, signal }),
        from: 'the client',
        isTrusted,
        checksNar: folder.checksNars === true,
      };
      const writer = requireFacet(store, 'writer', 'addToStore');
      await writer.add([{ path: info.path, offers: [offer] }], { checkSignatures: !isTrusted });
    } catch (error) {
      throw refusal(error);
    }
  }

  /** Takes what the server knows better, and forgets it. */
  async ignore(request: IncomingMessage): Promise<void> {
    for await (const _chunk of bodyChunks(request, bodyOf(limits.log)));
  }

  /** Whether what was sent is what the store has: then it is the sender's to see. */
  async #compare(info: PathInfo, known: PathInfo): Promise<void> {
    if (!isSame(info, known)) {
      throw new GrpcStatus('failedPrecondition', `'${info.path}' has other contents here than were sent`);
    }
    try {
      await using folder = await this.#cache.openFolder(this.#cache.spool);
      // It is held against what its narinfo says as it comes.
      await folder.streamPath(info.path, new NarWriter(() => {}));
    } catch (error) {
      throw refusal(error);
    }
  }

  async receiveLog(request: IncomingMessage, instance: string, path: StorePath): Promise<void> {
    const { store, sent, privateInstances } = this.#cache;
    const log = await wholeBody(request, bodyOf(limits.log));
    const known = privateInstances.has(instance) ? await store.buildLog(path) : undefined;
    if (known !== undefined && !Buffer.from(known).equals(log)) {
      throw new GrpcStatus('failedPrecondition', `'${path}' has another log here than was sent`);
    }
    if (known === undefined) await requireFacet(store, 'writer', 'addBuildLog').addBuildLog(path, log);
    sent.record({ instance, name: logName(path) }, { path, ...noNar });
  }

  async receiveRealisation(
    request: IncomingMessage,
    id: DerivationOutputId,
    { instance, isTrusted }: Omit<NarInfoOptions, 'hashPart'>,
  ): Promise<void> {
    const bytes = await wholeBody(request, bodyOf(limits.realisation));
    const realisation = said(() => realisationFromJson(parseJson(byteStringOf(bytes))));
    if (formatOutputId(realisation.id) !== formatOutputId(id)) {
      throw new GrpcStatus('invalidArgument', 'the realisation is of another output than its name says');
    }
    if (!isTrusted) {
      throw new GrpcStatus('permissionDenied', 'realisations are taken from those who have the right to admin');
    }
    try {
      await requireFacet(this.#cache.store, 'writer', 'addRealisation').addRealisation(realisation);
      this.#cache.sent.record({ instance, name: realisationName(id) }, { path: realisation.path, ...noNar });
    } catch (error) {
      throw refusal(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#cache.spool, { recursive: true, force: true });
    return Promise.resolve();
  }
}

/** The NAR that was sent under this URL. */
function sentNarOf(url: string): string | undefined {
  const name = url.startsWith('nar/') ? url.slice('nar/'.length) : '';
  return isSentNarName(name) ? name : undefined;
}

const noNar = { narHash: new Uint8Array(), compression: '' };

/** Under these names logs and realisations are sent. */
export function logName(path: StorePath): string {
  return `log/${path}`;
}

export function realisationName(id: DerivationOutputId): string {
  return `realisations/${formatOutputId(id)}.doi`;
}

function isSame({ narHash, narSize }: PathInfo, other: PathInfo): boolean {
  return narSize === other.narSize && Buffer.from(narHash.digest).equals(other.narHash.digest);
}

function isSent(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** What codecs complain of is the client's to mend. */
function said<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw refusal(error);
  }
}

const storeStatus: { readonly [code in StoreErrorCode]?: StatusName } = {
  'path/untrusted': 'permissionDenied',
  'path/hash-mismatch': 'invalidArgument',
  'cache/codec-failed': 'invalidArgument',
  'cache/unknown-compression': 'invalidArgument',
};

function refusal(error: unknown): unknown {
  if (error instanceof NixCompatError) return new GrpcStatus('invalidArgument', messageOf(error), { cause: error });
  if (!(error instanceof StoreError)) return error;
  return new GrpcStatus(storeStatus[error.code] ?? 'failedPrecondition', messageOf(error), { cause: error });
}

function bodyOf(most: number): BodyLimit {
  return { most, tooLarge: () => new GrpcStatus('resourceExhausted', `more than ${most} bytes are not taken`) };
}
