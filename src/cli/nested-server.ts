import type { NestedServer, NestedStore } from '../engine/index.ts';
import type { ServedStore } from '../server/index.ts';
import { StoreError } from '../store/index.ts';
import { nixVersion } from './version.ts';

/** Serves the worker protocol to builders. */
export const nestedServer: NestedServer = {
  serve: async (channel, nested, signal) => {
    // Few builds have any use for it.
    const { serveWorker } = await import('../server/index.ts');
    await serveWorker(channel, servedToBuilder(nested), { isTrusted: false, signal });
  },
};

function servedToBuilder(nested: NestedStore): ServedStore {
  return {
    store: nested.store,
    builder: nested,
    version: nixVersion,
    assign: () => {},
    trustedSubstituters: () => new Set(),
    realise: (wanted, request) => nested.realise(wanted, request),
    build: () => {
      const message = `operation 'buildDerivation' is not supported by store '${nested.store.uri}' in recursive Nix`;
      return Promise.reject(new StoreError('store/unsupported', message));
    },
    substitute: async () => {},
    plan: (wanted, options) => nested.plan(wanted, options),
    findSubstitutes: () => Promise.resolve(new Map()),
  };
}
