import type { ServerResponse } from 'node:http';
import { bytesOf, byteStringFromText, sha256Hex } from '../../base/index.ts';
import {
  type NarInfo,
  NarLister,
  type PathInfo,
  type StorePath,
  buildTraceValueToJson,
  encodeNix32,
  formatJson,
  formatListing,
  formatNarInfo,
  formatNixCacheInfo,
  realisationToJson,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  type CompressionMethod,
  debugInfoLink,
  isCompression,
  outputIds,
  renderNar,
  signInfo,
  signRoot,
} from '../../store/index.ts';
import type { Access } from '../access.ts';
import { parseRange } from '../http/byte-range.ts';
import type { HttpExchange, HttpSite } from '../http/http-site.ts';
import { type CacheResource, displayResource, parseCachePath } from './cache-resource.ts';
import { type NarCompression, narCompressions } from './nar-compression.ts';
import { DebugInfoIndex } from './debug-info-index.ts';
import { NarReply } from './nar-reply.ts';
import { SentPaths, logName, realisationName } from './sent-paths.ts';
import { type ServedCache, showsPath } from './served-cache.ts';

type Of<Kind extends CacheResource['kind']> = Extract<CacheResource, { readonly kind: Kind }>;

interface WantedNar {
  readonly info: PathInfo;
  readonly compression: CompressionMethod;
}

/** Seconds for which a client may remember what has no name by its contents. */
const narInfoAge = 3600;

/**
 * A store as a binary cache over HTTP (nix-cache-info, narinfo, NARs, listings, logs, realisations), below `/` and below
 * the name of each instance. Those with the right to write may send paths, as `nix copy --to http://…` does.
 */
export class BinaryCacheSite implements HttpSite {
  readonly #cache: ServedCache;
  readonly #access: Access;
  readonly #sent: SentPaths;
  readonly #debugInfos: DebugInfoIndex;
  /** Paths that are being had from upstream: once, however many ask. */
  readonly #fetching = new Map<StorePath, Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #forgetting: Promise<void>;

  constructor(cache: ServedCache, access: Access) {
    this.#cache = cache;
    this.#access = access;
    this.#sent = new SentPaths(cache);
    this.#debugInfos = new DebugInfoIndex(cache.store);
    // Where this fails, the next server will do it.
    this.#forgetting = cache.sent.forget(paths => cache.store.validPaths(paths)).catch(() => undefined);
  }

  async answer(exchange: HttpExchange): Promise<boolean> {
    const location = parseCachePath(exchange.path);
    if (location === undefined) return false;
    const { instance, resource } = location;
    const isSending = exchange.method === 'PUT';
    this.#access.requireOf(exchange.requester, instance, isSending ? 'write' : 'read');
    if (isSending) await this.#receive(exchange, instance, resource);
    else if (exchange.method === 'GET' || exchange.method === 'HEAD') await this.#serve(exchange, instance, resource);
    else {
      exchange.response.setHeader('allow', 'GET, HEAD, PUT');
      exchange.response.statusCode = 405;
      exchange.response.end('no such method here\n');
    }
    return true;
  }

  async #receive({ request, response, requester }: HttpExchange, instance: string, resource: CacheResource) {
    switch (resource.kind) {
      case 'sent-nar':
        await this.#sent.receiveNar(request, resource.name);
        break;
      case 'narinfo':
        // Whoever looks after the server may add what nobody has signed.
        await this.#sent.receiveNarInfo(request, {
          instance,
          hashPart: resource.hashPart,
          isTrusted: this.#access.has(requester, instance, 'admin'),
        });
        break;
      case 'log':
        await this.#sent.receiveLog(request, instance, resource.path);
        break;
      case 'realisation':
        await this.#sent.receiveRealisation(request, resource.id, {
          instance,
          isTrusted: this.#access.has(requester, instance, 'admin'),
        });
        break;
      case 'cache-info':
      case 'listing':
      case 'debug-info':
        // Clients send what the server knows better, and take an answer before their end for a failure.
        await this.#sent.ignore(request);
        break;
      case 'nar':
      case 'build-trace':
        throw new GrpcStatus('invalidArgument', `${displayResource(resource)} cannot be sent`);
    }
    response.statusCode = 200;
    response.end();
  }

  async #serve(exchange: HttpExchange, instance: string, resource: CacheResource): Promise<void> {
    const { store, priority } = this.#cache;
    switch (resource.kind) {
      case 'cache-info': {
        const storeDir = byteStringFromText(store.storeDir);
        return send(exchange, formatNixCacheInfo({ storeDir, wantMassQuery: true, priority }), 'text/x-nix-cache-info');
      }
      case 'narinfo':
        return send(exchange, await this.#narInfo(instance, resource), 'text/x-nix-narinfo', narInfoAge);
      case 'listing':
        return send(exchange, await this.#listing(instance, resource), 'application/json', narInfoAge);
      case 'debug-info':
        return send(exchange, await this.#debugInfo(instance, resource), 'application/json', narInfoAge);
      case 'nar':
        return this.#nar(exchange, { ...resource, info: await this.#namedInfo(instance, resource) });
      case 'log': {
        const isShown = this.#showsFile(instance, logName(resource.path));
        const log = isShown ? await store.buildLog(resource.path) : undefined;
        if (log === undefined) throw absent(resource);
        return send(exchange, log, 'text/plain; charset=utf-8');
      }
      case 'realisation': {
        const isShown = this.#showsFile(instance, realisationName(resource.id));
        const found = isShown ? await store.realisation(resource.id) : undefined;
        if (found === undefined) throw absent(resource);
        return send(
          exchange,
          bytesOf(formatJson(realisationToJson({ id: resource.id, ...found }))),
          'application/json',
        );
      }
      case 'build-trace':
        return send(exchange, await this.#buildTrace(instance, resource), 'application/json');
      case 'sent-nar':
        return this.#nar(exchange, await this.#sentNar(instance, resource));
    }
  }

  #showsFile(instance: string, name: string): boolean {
    const { sent, privateInstances } = this.#cache;
    return !privateInstances.has(instance) || sent.find({ instance, name }) !== undefined;
  }

  async #narInfo(instance: string, resource: Of<'narinfo'>): Promise<Buffer> {
    const { store, compression, keys } = this.#cache;
    const info = await this.#info(instance, resource);
    const url = narUrl(info, compression);
    const root = info.isOurs ? this.#cache.rootOf(info.path) : undefined;
    const described: NarInfo = {
      ...info,
      rootClaim: root === undefined ? undefined : signRoot(store.storeDir, { info, root }, keys),
      url: byteStringFromText(url),
      compression: byteStringFromText(compression),
      // What upstream says has not been looked at: its own signatures have to do.
      signatures: info.isOurs ? signInfo(store.storeDir, info, keys).signatures : info.signatures,
      fileSize: compression === 'none' ? info.narSize : 0,
      fileHash: compression === 'none' ? info.narHash : undefined,
    };
    return formatNarInfo(store.storeDir, described);
  }

  /** What the store knows of a path, or what upstream does. Throws `notFound`. */
  async #info(
    instance: string,
    resource: Of<'narinfo' | 'listing' | 'nar'>,
  ): Promise<PathInfo & { readonly isOurs: boolean }> {
    const { store, upstream } = this.#cache;
    const path = await store.pathFromHashPart(resource.hashPart);
    const info = path === undefined ? undefined : await store.pathInfo(path);
    if (info !== undefined && showsPath(this.#cache, instance, info)) return { ...info, isOurs: true };
    const known = await upstream?.find(resource.hashPart, this.#stopped.signal);
    if (known === undefined) throw absent(resource);
    return { ...known, isOurs: false };
  }

  async #listing(instance: string, resource: Of<'listing'>): Promise<Buffer> {
    const info = await this.#validInfo(instance, resource);
    const lister = new NarLister();
    await this.#cache.store.streamPath(info.path, lister);
    if (lister.listing === undefined) throw new TypeError('the tree has not ended');
    return bytesOf(formatListing(lister.listing));
  }

  /** The NAR is not compressed: dwarffs decompresses xz alone, which takes long to be made. */
  async #debugInfo(instance: string, resource: Of<'debug-info'>): Promise<Buffer> {
    const { store } = this.#cache;
    const infoOf = async (path: StorePath) => {
      const info = await store.pathInfo(path);
      return info !== undefined && showsPath(this.#cache, instance, info) ? info : undefined;
    };
    const path = await this.#debugInfos.find(resource.id, async each => (await infoOf(each)) !== undefined);
    const info = path === undefined ? undefined : await infoOf(path);
    if (info === undefined) throw absent(resource);
    return bytesOf(debugInfoLink(resource.id, narUrl(info, 'none')));
  }

  /** Of a path that is valid by now. */
  async #validInfo(instance: string, resource: Of<'listing' | 'nar'>): Promise<PathInfo> {
    const info = await this.#info(instance, resource);
    if (info.isOurs) return info;
    await this.#fetch(info.path);
    // Another may be here by that name than the one that everybody may have.
    const valid = await this.#cache.store.pathInfo(info.path);
    if (valid === undefined || !Buffer.from(valid.narHash.digest).equals(info.narHash.digest)) throw absent(resource);
    return valid;
  }

  async #namedInfo(instance: string, resource: Of<'nar'>): Promise<PathInfo> {
    const info = await this.#validInfo(instance, resource);
    if (encodeNix32(info.narHash.digest) !== resource.narHash) throw absent(resource);
    return info;
  }

  /** Whoever sent a NAR knows it by its own name, and remembers how it was compressed. */
  async #sentNar(instance: string, resource: Of<'sent-nar'>): Promise<WantedNar> {
    const known = this.#cache.sent.find({ instance, name: `nar/${resource.name}` });
    const info = known === undefined ? undefined : await this.#cache.store.pathInfo(known.path);
    if (known === undefined || info === undefined || !isCompression(known.compression)) throw absent(resource);
    if (!Buffer.from(info.narHash.digest).equals(known.narHash)) throw absent(resource);
    return { info, compression: known.compression };
  }

  async #fetch(path: StorePath): Promise<void> {
    const { upstream } = this.#cache;
    let fetching = this.#fetching.get(path);
    if (fetching === undefined && upstream !== undefined) {
      fetching = upstream.fetch(path, this.#stopped.signal).finally(() => this.#fetching.delete(path));
      this.#fetching.set(path, fetching);
    }
    await fetching;
  }

  async #nar(exchange: HttpExchange, { info, compression }: WantedNar): Promise<void> {
    const { request, response, method } = exchange;
    const range = compression === 'none' ? parseRange(request.headers.range, info.narSize) : undefined;
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${info.narSize}`);
      throw new GrpcStatus('outOfRange', 'nothing of that range is there');
    }
    response.setHeader('content-type', 'application/x-nix-nar');
    response.setHeader('cache-control', 'public, max-age=31536000, immutable');
    const tag = `"${encodeNix32(info.narHash.digest)}.${compression}"`;
    if (isKnown(exchange, tag)) return;
    if (compression === 'none') {
      const { start, end } = range ?? { start: 0, end: info.narSize };
      response.setHeader('accept-ranges', 'bytes');
      response.setHeader('content-length', end - start);
      if (range !== undefined) {
        response.statusCode = 206;
        response.setHeader('content-range', `bytes ${start}-${end - 1}/${info.narSize}`);
      }
    }
    if (method === 'HEAD') return void response.end();
    await using reply = new NarReply(response, range);
    const { store } = this.#cache;
    await renderNar(
      (sink, drain, signal) => store.streamPath(info.path, sink, { drain, signal }),
      { method: compression, signal: reply.signal },
      reply,
    );
    reply.end();
  }

  async #buildTrace(instance: string, resource: Of<'build-trace'>): Promise<Buffer> {
    const { store } = this.#cache;
    const { derivation, output } = resource;
    if (!(await store.validPaths([derivation])).has(derivation)) throw absent(resource);
    const id = (await outputIds(store, derivation)).get(output);
    const isShown = id !== undefined && this.#showsFile(instance, realisationName(id));
    const found = isShown ? await store.realisation(id) : undefined;
    if (found === undefined) throw absent(resource);
    // Signatures of realisations do not cover the entry, which names the derivation by its path.
    return bytesOf(formatJson(buildTraceValueToJson({ ...found, signatures: [] })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled([...this.#fetching.values(), this.#forgetting]);
    await this.#sent[Symbol.asyncDispose]();
  }
}

/** Relative to the cache. */
function narUrl({ path, narHash }: PathInfo, compression: NarCompression): string {
  return `nar/${storePathHashPart(path)}-${encodeNix32(narHash.digest)}.nar${narCompressions[compression]}`;
}

function absent(resource: CacheResource): GrpcStatus {
  return new GrpcStatus('notFound', `this cache has nothing of ${displayResource(resource)}`);
}

/** Answers with what is small. */
function send(exchange: HttpExchange, body: Uint8Array, type: string, age = 0): void {
  const { response, method } = exchange;
  response.setHeader('content-type', type);
  if (age > 0) response.setHeader('cache-control', `public, max-age=${age}`);
  if (isKnown(exchange, `"${sha256Hex(body).slice(0, 32)}"`)) return;
  response.setHeader('content-length', body.byteLength);
  response.end(method === 'HEAD' ? undefined : body);
}

/** Whether the client has what `tag` names (RFC 9110, 13.1.2): then it has its answer. */
function isKnown({ request, response }: { request: HttpExchange['request']; response: ServerResponse }, tag: string) {
  response.setHeader('etag', tag);
  const tags = request.headers['if-none-match']?.split(',').map(each => each.trim().replace(/^W\//, ''));
  if (tags === undefined || !(tags.includes(tag) || tags.includes('*'))) return false;
  response.statusCode = 304;
  response.end();
  return true;
}
