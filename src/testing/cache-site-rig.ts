import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { join } from 'node:path';
import { type StorePath, parseNarInfo, storePathHashPart } from '../nix-compat/index.ts';
import {
  Access,
  type AccessRules,
  BinaryCacheSite,
  SentTable,
  type ServedCache,
  httpErrorOf,
} from '../server/index.ts';
import { type LocalStore, type Store, formatRoot } from '../store/index.ts';
import { openLocalStoreIn } from './local-store-rig.ts';
import { openTestStore } from './store-context.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A store of its own, served as a binary cache; its instance `team` is private. */
export class CacheSiteRig implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly folder = this.#stack.use(temporaryFolder()).path;
  readonly store: LocalStore = this.#stack.use(openLocalStoreIn(this.folder));
  readonly #rules: AccessRules;
  readonly #answering = new Set<Promise<unknown>>();
  #server: Server | undefined;
  readonly #options: Partial<ServedCache>;
  uri = '';
  /** What the site answered with a status that says that it is its own fault. */
  readonly faults: unknown[] = [];

  constructor(options: Partial<ServedCache>, rules: Partial<AccessRules>) {
    this.#options = options;
    const anonymous = { instances: '*', rights: ['read', 'write'] } as const;
    const admin = { token: 'admin', instances: '*', rights: ['read', 'write', 'admin'] } as const;
    this.#rules = { instances: ['', 'main', 'team'], anonymous, tokens: [admin], certificates: [], ...rules };
  }

  static async open(options: Partial<ServedCache> = {}, rules: Partial<AccessRules> = {}): Promise<CacheSiteRig> {
    const rig = new CacheSiteRig(options, rules);
    await rig.#listen();
    return rig;
  }

  async #listen(): Promise<void> {
    const { store } = this;
    const site = this.#stack.use(
      new BinaryCacheSite(
        {
          store,
          rootOf: path => {
            const root = store.paths.find(path)?.root;
            return root && formatRoot(root);
          },
          keys: [],
          compression: 'zstd',
          priority: 30,
          upstream: undefined,
          sent: new SentTable(store.blobs),
          privateInstances: new Set(['team']),
          spool: join(this.folder, 'spool'),
          openFolder: folder => openTestStore(`file://${folder}`, { storeDir: store.storeDir }),
          ...this.#options,
        },
        new Access(this.#rules),
      ),
    );
    const server = createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      const requester = {
        authorization: headers.authorization,
        peer: { transport: 'tcp', address: 'test', certificateName: undefined } as const,
      };
      const answered = site
        .answer({ method, path: url, request, response, requester })
        .then(isAnswered => isAnswered || response.writeHead(404).end('elsewhere'))
        .catch((error: unknown) => {
          const { status, reason } = httpErrorOf(error);
          if (status === 500) this.faults.push(error);
          if (response.headersSent) response.destroy();
          else response.writeHead(status).end(reason.message);
        })
        .finally(() => this.#answering.delete(answered));
      this.#answering.add(answered);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#stack.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    this.uri = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** When all that were connected are gone, and nothing is done for them any more. */
  async idle(): Promise<void> {
    this.#server?.closeAllConnections();
    while (this.#answering.size > 0) await Promise.all(this.#answering);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.uri}/${path}`, init);
  }

  async status(path: string, init: RequestInit = {}): Promise<number> {
    const answer = await this.fetch(path, init);
    await answer.arrayBuffer();
    return answer.status;
  }

  async bytes(path: string, init: RequestInit = {}): Promise<Buffer> {
    const answer = await this.fetch(path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  async narInfo(path: StorePath) {
    const name = `${storePathHashPart(path)}.narinfo`;
    return parseNarInfo(this.store.storeDir, await this.bytes(name), { source: name });
  }

  /** As a client sees it. */
  async client(parameters = ''): Promise<Store> {
    return openTestStore(`${this.uri}/main${parameters}`, { storeDir: this.store.storeDir });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
