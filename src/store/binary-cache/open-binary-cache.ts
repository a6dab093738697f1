import { displayBytes } from '../../base/index.ts';
import { canonicalPath, decodePercent } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeServerParameters } from './cache-parameters.ts';
import { EncodingTransport } from './encoding-transport.ts';
import { FileTransport } from './file-transport.ts';
import { HttpTransport, resolveUrl } from './http-transport.ts';
import { openCache, rememberedCache, takeParameters } from './open-cache.ts';
import { sharedHttpClient } from './http-clients.ts';

/** `file:///path` */
export async function openFileCache(request: StoreRequest): Promise<Store> {
  const { scheme, authority, parameters, context } = request;
  const taken = takeParameters(request);
  // Tests of C++ Nix have their files taken for what a server has.
  const actsAsServer = process.env['_NIX_FORCE_HTTP'] === '1';
  if (actsAsServer) takeServerParameters(parameters);
  parameters.warnUnknown(context.reporter);
  const uri = `${scheme}://${authority}`;
  const root = canonicalPath(displayBytes(decodePercent(authority)) || '/');
  const transport = new FileTransport(root, { isReadOnly: actsAsServer });
  if (actsAsServer)
    return openCache(request, { ...taken, uri, transport, memory: rememberedCache(request, taken.traits, uri) });
  transport.makeFolders(...(taken.parameters.indexesDebugInfo ? ['debuginfo'] : []));
  return openCache(request, { ...taken, uri, transport, memory: undefined });
}

/** `https://host/path` */
export async function openHttpCache(request: StoreRequest): Promise<Store> {
  const { scheme, authority, parameters, context } = request;
  const taken = takeParameters(request);
  const { encodings, identity } = takeServerParameters(parameters);
  parameters.warnUnknown(context.reporter);
  const uri = `${scheme}://${authority.replace(/\/+$/, '')}`;
  const base = URL.parse(uri);
  if (base === null || base.hostname === '') {
    const message = `\`${scheme}\` Store requires a non-empty authority in Store URL`;
    throw new StoreError('store-uri/malformed', message);
  }
  const plain = new HttpTransport({
    uri,
    client: sharedHttpClient(context),
    address: path => {
      const url = resolveUrl(path, base);
      return { url, identity: url.origin === base.origin ? identity : undefined };
    },
    disablesItself: context.settings.get('fallback'),
    reporter: context.reporter,
  });
  const transport = new EncodingTransport(plain, encodings);
  return openCache(request, { ...taken, uri, transport, memory: rememberedCache(request, taken.traits, uri) });
}
