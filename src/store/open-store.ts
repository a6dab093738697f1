import { type ByteString, type Reporter, byteStringFromText, unreachable } from '../base/index.ts';
import type { ClientOptions, ExperimentalFeature, ReadableSettings, StoreReference } from '../nix-compat/index.ts';
import { StoreError } from './error.ts';
import type { StoreEnvironment } from './local/local-places.ts';
import { StoreParameters } from './store-parameters.ts';
import type { Store } from './store.ts';

/** What stores depend on beside their URI. */
export interface OpenStoreContext {
  readonly environment: StoreEnvironment;
  readonly settings: ReadableSettings;
  readonly reporter: Reporter;
  /** What a daemon that keeps a store is told of settings when it is connected to. */
  readonly clientOptions?: () => ClientOptions;
  /** Kinds of stores that are not this folder's, by scheme; loaded when one is opened. */
  readonly kinds?: { readonly [scheme: string]: () => Promise<StoreOpener> };
  /** Gets what programs say that stores are behind (ssh, and what it starts); they share our standard error unless given. */
  readonly programErrors?: ((chunk: Uint8Array) => void) | undefined;
  /** Throws where `feature` is not enabled. */
  readonly requireFeature: (feature: ExperimentalFeature) => void;
}

/** A store's URI, taken apart. */
export interface StoreRequest {
  readonly scheme: string;
  /** What follows `scheme://`, percent-encoded. */
  readonly authority: ByteString;
  readonly parameters: StoreParameters;
  readonly context: OpenStoreContext;
}

/** Opens stores of one kind: takes all parameters that it knows, warns of the others, and opens. */
export type StoreOpener = (request: StoreRequest) => Promise<Store>;

const nothing = byteStringFromText('');

/** The module of a kind is loaded when a store of it is opened. */
const kinds: { readonly [scheme: string]: () => Promise<StoreOpener> } = {
  dummy: async () => (await import('./dummy/open-dummy-store.ts')).openDummyStore,
  file: async () => (await import('./binary-cache/open-binary-cache.ts')).openFileCache,
  http: async () => (await import('./binary-cache/open-binary-cache.ts')).openHttpCache,
  https: async () => (await import('./binary-cache/open-binary-cache.ts')).openHttpCache,
  local: async () => (await import('./local/open-local-store.ts')).openLocalStore,
  'local-overlay': async () => (await import('./local/overlay/open-overlay-store.ts')).openOverlayStore,
  ssh: async () => (await import('./ssh/open-ssh-store.ts')).openSshStore,
  'ssh-ng': async () => (await import('./ssh/open-ssh-ng-store.ts')).openSshNgStore,
  'mounted-ssh-ng': async () => (await import('./ssh/open-ssh-ng-store.ts')).openMountedSshNgStore,
  unix: async () => (await import('./daemon/open-daemon-store.ts')).openDaemonStore,
  s3: async () => (await import('./binary-cache/s3/open-s3-cache.ts')).openS3Cache,
};

/**
 * Opens the store that `reference` names. Throws `store-uri/unknown-scheme`, what parameters (`config/…`, `path/…`) and features give cause for, and what opening the store throws.
 */
export async function openStore(reference: StoreReference, context: OpenStoreContext): Promise<Store> {
  if (reference.kind === 'auto' && reference.params.size === 0) {
    return (await import('./open-auto-store.ts')).openAutoStore(context);
  }
  const { scheme, authority, params } = specifyStore(reference);
  const known = { ...context.kinds, ...kinds };
  const load = Object.hasOwn(known, scheme) ? known[scheme] : undefined;
  if (load !== undefined) {
    const open = await load();
    return open({ scheme, authority, parameters: new StoreParameters(params), context });
  }
  throw new StoreError('store-uri/unknown-scheme', `don't know how to open Nix store with scheme '${scheme}'`);
}

/** As a scheme and what follows it, however it was written. */
export function specifyStore(reference: StoreReference): Omit<Extract<StoreReference, { kind: 'specified' }>, 'kind'> {
  switch (reference.kind) {
    case 'specified':
      return reference;
    case 'daemon':
      return { scheme: 'unix', authority: nothing, params: new Map() };
    case 'local':
      return { scheme: 'local', authority: nothing, params: new Map() };
    case 'auto':
      return { scheme: 'local', authority: nothing, params: reference.params };
    default:
      return unreachable(reference);
  }
}
