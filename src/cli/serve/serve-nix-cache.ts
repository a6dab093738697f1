import { join } from 'node:path';
import type { PathInfo } from '../../nix-compat/index.ts';
import { type Access, BinaryCacheSite, type CacheUpstream, SentTable } from '../../server/index.ts';
import { type LocalStore, formatRoot, readSecretKeys, realisePaths } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openStoreAt } from '../open-store.ts';
import { openSubstituters } from '../open-substituters.ts';
import type { NixCacheSettings } from './serve-settings.ts';

export interface NixCacheOptions {
  readonly settings: NixCacheSettings;
  readonly access: Access;
  readonly context: CommandContext;
}

/** The store as a binary cache of Nix, with the keys and substituters that this machine's settings name. */
export function serveNixCache(store: LocalStore, { settings, access, context }: NixCacheOptions): BinaryCacheSite {
  const storeDir = encodeURIComponent(store.storeDir);
  return new BinaryCacheSite(
    {
      store,
      rootOf: path => {
        const root = store.paths.find(path)?.root;
        return root && formatRoot(root);
      },
      keys: readSecretKeys(context.settings),
      compression: settings.compression,
      priority: settings.priority,
      upstream: settings.pullsThrough ? new Upstream(store, context) : undefined,
      sent: new SentTable(store.blobs),
      privateInstances: new Set(settings.privateInstances),
      // Where it is known for that of a living process.
      spool: join(store.blobs.folder.temporaryFolder(), 'sent'),
      openFolder: folder => openStoreAt(`file://${encodeURI(folder)}?store=${storeDir}`, context),
    },
    access,
  );
}

/** What the setting `substituters` names: opened when something is asked for, and kept open. */
class Upstream implements CacheUpstream {
  readonly #store: LocalStore;
  readonly #context: CommandContext;
  readonly #open: ReturnType<typeof openSubstituters>;

  constructor(store: LocalStore, context: CommandContext) {
    this.#store = store;
    this.#context = context;
    this.#open = context.resources.use(openSubstituters(store, context));
  }

  async find(hashPart: string, signal: AbortSignal): Promise<PathInfo | undefined> {
    for (const upstream of await this.#open.stores()) {
      const path = await upstream.pathFromHashPart(hashPart, { signal });
      if (path !== undefined) return (await this.#open.substituters.find(path, { signal }))?.info;
    }
    return undefined;
  }

  async fetch(path: Parameters<CacheUpstream['fetch']>[0], signal: AbortSignal): Promise<void> {
    await realisePaths(this.#store, this.#open.substituters, [path], { reporter: this.#context.log, signal });
  }
}
