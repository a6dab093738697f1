import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText } from '../base/index.ts';
import { type Digest, DiskBlobStore, type Node, importTree } from '../castore/index.ts';
import {
  type FetchOptions,
  FuseError,
  FuseMount,
  type FuseMountOptions,
  type FuseProblem,
  type ViewOwner,
} from '../fuse/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type FetchBlob = (digest: Digest, options: FetchOptions) => Promise<Uint8Array | undefined>;

/** A castore whose trees are mounted, and what was asked for and reported. */
export class MountRig implements AsyncDisposable {
  readonly mount: FuseMount;
  readonly store: DiskBlobStore;
  /** What answers what is not in the store; nobody at first. */
  fetchBlob: FetchBlob;
  readonly problems: FuseProblem[];
  readonly folder: string;
  #reported = Promise.withResolvers<void>();
  readonly #owned: AsyncDisposableStack;

  static async open(options: Pick<FuseMountOptions, 'patience' | 'root'> = {}): Promise<MountRig> {
    await using owned = new AsyncDisposableStack();
    const folder = owned.use(temporaryFolder());
    const mountPoint = join(folder.path, 'mount');
    mkdirSync(mountPoint);
    const dataFolder = join(folder.path, 'data');
    const store = owned.use(new DiskBlobStore(dataFolder));
    const problems: FuseProblem[] = [];
    const source: { fetchBlob: FetchBlob } = { fetchBlob: () => Promise.reject(new Error('nobody has it')) };
    const mount = owned.use(
      await FuseMount.mount({
        ...options,
        mountPoint,
        dataFolder,
        source: {
          fetchBlob: (digest, fetching) => rig.fetchBlob(digest, fetching),
          reportProblem: problem => {
            problems.push(problem);
            rig.#reported.resolve();
          },
        },
      }),
    );
    const rig = new MountRig({ mount, store, problems, folder: folder.path, ...source }, owned.move());
    return rig;
  }

  private constructor(
    parts: Pick<MountRig, 'mount' | 'store' | 'problems' | 'folder' | 'fetchBlob'>,
    owned: AsyncDisposableStack,
  ) {
    this.mount = parts.mount;
    this.store = parts.store;
    this.problems = parts.problems;
    this.folder = parts.folder;
    this.fetchBlob = parts.fetchBlob;
    this.#owned = owned;
  }

  /** The first problem there is, when it is reported: whoever reads may hear of it sooner. */
  async problem(): Promise<FuseProblem | undefined> {
    while (this.problems.length === 0) {
      this.#reported = Promise.withResolvers();
      await this.#reported.promise;
    }
    return this.problems[0];
  }

  async importTree(folder: string): Promise<Node> {
    await using batch = this.store.batch();
    const node = await importTree(folder, batch);
    await batch.commit();
    return node;
  }

  /** Shows one node, as `tree` in a view of its own; where that is. */
  show(node: Node, view = 'view', owner?: ViewOwner): string {
    this.mount.addView(view, [{ name: byteStringFromText('tree'), node }], owner);
    return join(this.mount.pathOf(view), 'tree');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

let obstacle: Promise<string | undefined> | undefined;

/** Why nothing can be mounted on this machine by this user, for tests to be skipped; undefined where it can. */
export function mountObstacle(): Promise<string | undefined> {
  return (obstacle ??= findObstacle());
}

async function findObstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'FUSE is mounted on Linux only';
  try {
    await using _rig = await MountRig.open();
    return undefined;
  } catch (error) {
    if (error instanceof FuseError && (error.code === 'fuse/unsupported' || error.code === 'fuse/not-permitted')) {
      return error.message;
    }
    throw error;
  }
}
