import type { ByteChannel, LocalStore } from '../store/index.ts';
import { connectChannels } from './connected-channels.ts';
import { openLocalStoreIn } from './local-store-rig.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { TestServedStore } from './test-served-store.ts';

/** A store, served to as many clients as come. */
export abstract class ServiceRig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly local: LocalStore = openLocalStoreIn(this.#folder.path);
  readonly served = new TestServedStore(this.local);
  /** What each of the services ended with. */
  readonly ends: Promise<unknown>[] = [];
  /** The store as a client sees it. */
  abstract readonly remote: AsyncDisposable;

  get folder(): string {
    return this.#folder.path;
  }

  /** Options of `remote`, in every protocol. */
  protected get common() {
    const { storeDir } = this.local;
    return {
      traits: { storeDir, priority: undefined, wantMassQuery: undefined, isTrusted: false, pathInfoCacheSize: 0 },
      maxConnections: 2,
      resources: { [Symbol.asyncDispose]: () => Promise.resolve() },
    };
  }

  /** Has a new client served. */
  protected connect(serve: (server: ByteChannel) => Promise<void>): ReturnType<typeof connectChannels> {
    const channels = connectChannels();
    const { server } = channels;
    this.ends.push(
      serve(server)
        .catch((error: unknown) => error)
        .finally(() => server.destroy()),
    );
    return channels;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remote[Symbol.asyncDispose]();
    await Promise.all(this.ends);
    await this.local[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
