import type { CallOptions } from '../../castore/index.ts';
import type { ConnectionPool } from '../remote/connection-pool.ts';
import type { Upkeep, VerifyStoreOptions } from '../store.ts';
import type { WorkerConnection } from './worker-connection.ts';

/** The other side does it, by its own settings, and says what it found. */
export class WorkerUpkeep implements Upkeep {
  readonly #pool: ConnectionPool<WorkerConnection>;

  constructor(pool: ConnectionPool<WorkerConnection>) {
    this.#pool = pool;
  }

  verify({ checkContents = false, repair = false, signal }: VerifyStoreOptions = {}): Promise<boolean> {
    return this.#pool.use(
      connection =>
        connection.call(
          'VerifyStore',
          writer => {
            writer.boolean(checkContents);
            writer.boolean(repair);
          },
          reader => reader.boolean(),
        ),
      { signal },
    );
  }

  async optimise(options: CallOptions = {}): Promise<undefined> {
    await this.#pool.use(connection => connection.acknowledged('OptimiseStore', () => {}), options);
  }
}
