import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf, hasExtendedAttributes, inodeFlags } from '../../base/index.ts';
import { removeTree, removeTreeAtEase } from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';

/** By name: what is mounted right below the builder's store directory. */
export type MountPoints = ReadonlyMap<string, 'file' | 'folder'>;

/**
 * What of a sandbox is on disk besides the build's folder: where the builder puts its outputs, and a folder for temporary
 * files. `SandboxRoots` hands it out, and takes it back at disposal.
 */
export class SandboxRoot implements AsyncDisposable {
  readonly path: string;
  /** Writable for the builder, who sees it as the store directory. */
  readonly storeDir: string;
  readonly temporaryFolder: string;
  readonly owner: UserIds | undefined;
  readonly #leave: (root: SandboxRoot) => Promise<void>;
  #mountPoints: MountPoints = new Map();

  /** Makes it at `path`, or takes the one that is at `used`. */
  constructor(path: string, owner: UserIds | undefined, { used, leave }: SandboxRootOptions) {
    this.path = path;
    this.owner = owner;
    this.#leave = leave;
    this.storeDir = join(this.path, 'store');
    this.temporaryFolder = join(this.path, 'tmp');
    if (used !== undefined) renameSync(used, this.path);
    else this.#make();
    const now = new Date();
    for (const [folder, mode] of this.#builderFolders) {
      chmodSync(folder, mode);
      if (used !== undefined) utimesSync(folder, now, now);
    }
  }

  #make(): void {
    mkdirSync(this.path, 0o700);
    mkdirSync(this.storeDir);
    mkdirSync(this.temporaryFolder);
    if (this.owner === undefined) return;
    const { user, group } = this.owner;
    for (const folder of [this.path, this.storeDir, this.temporaryFolder]) chownSync(folder, user, group);
  }

  /** With their modes. */
  get #builderFolders(): readonly (readonly [path: string, mode: number])[] {
    return [
      [this.storeDir, 0o1775],
      [this.temporaryFolder, 0o1777],
    ];
  }

  /** Where what the builder calls `path` is on this machine's disk. */
  outputPlace(path: string): string {
    return join(this.storeDir, path);
  }

  /** Leaves in the store directory nothing of the last builder's sandbox but what this one's has, too, which it returns. */
  prepareMountPoints(wanted: MountPoints): ReadonlySet<string> {
    this.#mountPoints = wanted;
    return keepOnly(this.storeDir, wanted);
  }

  /**
   * Has a builder that runs see a tree in its store directory, which `make` makes at a place that it is given. The builder
   * may do to it what it likes: it must be a copy. What the builder has put there itself stays.
   */
  async showTree(name: string, make: (at: string) => Promise<void>): Promise<void> {
    // The builder can have put a symlink of its own there: nothing is made where it could.
    const folder = join(this.path, 'shown');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const at = join(folder, name);
    await make(at);
    try {
      // A folder that is not writable cannot be given another parent.
      if (lstatSync(at).isDirectory()) chmodSync(at, 0o755);
      renameSync(at, join(this.storeDir, name));
    } catch (error) {
      const errno = errnoOf(error);
      await removeTreeAtEase(at);
      if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST' && errno !== 'ENOTDIR' && errno !== 'EISDIR') throw error;
    }
  }

  /**
   * Removes what the builder has left; whether nothing else is to be seen of it. Its processes have ended. What it was the
   * owner of besides entries are the folders' modes and times, which are set anew, and what cannot be.
   */
  clear(): boolean {
    for (const [folder, mode] of this.#builderFolders) chmodSync(folder, mode);
    keepOnly(this.storeDir, this.#mountPoints);
    keepOnly(this.temporaryFolder, new Map());
    const fresh = marksOf(this.path);
    return this.#builderFolders.every(([folder]) => {
      const { user, group, flags, hasAttributes } = marksOf(folder);
      // Who has many ids can give folders away.
      const isOurs = user === fresh.user && group === fresh.group;
      return isOurs && hasAttributes === false && flags === fresh.flags;
    });
  }

  remove(): Promise<void> {
    return removeTreeAtEase(this.path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#leave(this);
  }
}

/** Removes what is in `folder` but for what is `wanted` and of that kind, which it returns. */
function keepOnly(folder: string, wanted: MountPoints): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
    const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : undefined;
    const name = entry.name.toString('latin1');
    if (kind !== undefined && wanted.get(name) === kind) kept.add(name);
    else removeTree(Buffer.concat([Buffer.from(`${folder}/`), entry.name]));
  }
  return kept;
}

function marksOf(folder: string) {
  const fd = openSync(folder, 'r');
  try {
    const { uid, gid } = fstatSync(fd);
    return { user: uid, group: gid, flags: inodeFlags(fd), hasAttributes: hasExtendedAttributes(fd) };
  } finally {
    closeSync(fd);
  }
}

interface SandboxRootOptions {
  readonly used: string | undefined;
  readonly leave: (root: SandboxRoot) => Promise<void>;
}
