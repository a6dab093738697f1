import { join } from 'node:path';
import { type Reporter, errnoOf } from '../../../base/index.ts';
import type { FileSystem } from '../../../castore/index.ts';
import { NixCompatError, type StorePath, parseStorePath } from '../../../nix-compat/index.ts';
import type { Removal, StoreEntries } from '../gc/store-entries.ts';
import { Trash, measureTree, trashName } from '../gc/trash.ts';
import { type Overlay, remount } from './overlay.ts';

export interface MergedPlace {
  readonly fileSystem: FileSystem;
  /** The mount. */
  readonly realStoreDir: string;
  readonly reporter: Reporter;
}

/**
 * What of an overlay's store directory is ours: the entries of the upper layer. One that the lower store has, too, is removed
 * beside the mount: through it, a whiteout would stay and hide the lower one. The kernel may then take the mount for what it
 * was, until it is mounted anew.
 */
export class UpperEntries implements StoreEntries {
  readonly #overlay: Overlay;
  readonly #merged: MergedPlace;
  /** Entries of the upper layer when it was looked at: what came later is left to the next collection. */
  readonly #names: ReadonlySet<string>;
  readonly #below: ReadonlySet<string>;
  readonly #throughMount: Trash;
  readonly #besideMount: Trash;
  #needsRemount = false;

  /** `below`: those of `names` that the lower store has, too. */
  private constructor(overlay: Overlay, merged: MergedPlace, found: Found) {
    this.#overlay = overlay;
    this.#merged = merged;
    this.#names = found.names;
    this.#below = found.below;
    const { fileSystem, realStoreDir, reporter } = merged;
    this.#throughMount = new Trash(fileSystem, join(realStoreDir, trashName), reporter);
    this.#besideMount = new Trash(fileSystem, join(overlay.upperLayer, besideName), reporter);
  }

  static async open(overlay: Overlay, merged: MergedPlace, signal: AbortSignal | undefined): Promise<UpperEntries> {
    const names = new Set(listUpper(merged.fileSystem, overlay.upperLayer));
    const below = await overlay.lower.validPaths([...names].flatMap(storePathOf), { signal });
    return new UpperEntries(overlay, merged, { names, below });
  }

  get bytesFreed(): number {
    return this.#throughMount.bytesFreed + this.#besideMount.bytesFreed;
  }

  names(): string[] {
    return [...this.#names];
  }

  isRemovable(path: StorePath): boolean {
    return this.#names.has(path);
  }

  measure(name: string): number {
    return this.#names.has(name) ? measureTree(this.#merged.fileSystem, join(this.#overlay.upperLayer, name)) : 0;
  }

  remove(name: string): Removal {
    const { fileSystem, realStoreDir } = this.#merged;
    const place = join(realStoreDir, name);
    if (!this.#names.has(name)) {
      return fileSystem.lstatSync(place, { throwIfNoEntry: false }) === undefined ? 'absent' : 'kept';
    }
    if (!this.#below.has(name)) return this.#throughMount.take(place) ? 'removed' : 'absent';
    if (!this.#besideMount.take(join(this.#overlay.upperLayer, name))) return 'kept';
    this.#needsRemount = true;
    return 'removed';
  }

  async empty(signal?: AbortSignal): Promise<void> {
    await this.#throughMount.empty(signal);
    await this.#besideMount.empty(signal);
  }

  async emptyAll(signal?: AbortSignal): Promise<void> {
    await this.#throughMount.emptyAll(signal);
    await this.#besideMount.emptyAll(signal);
  }

  async finish(): Promise<void> {
    if (!this.#needsRemount) return;
    this.#needsRemount = false;
    await remount(this.#overlay, this.#merged);
  }
}

/** Of what is removed beside the mount: through it that might not be seen, and there would be no removing it. */
const besideName = '.trash-beside';

interface Found {
  readonly names: ReadonlySet<string>;
  readonly below: ReadonlySet<string>;
}

/** But for whiteouts, which are devices: somebody has deleted something of the lower layer. */
function listUpper(fs: FileSystem, folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter(name => {
      if (name === besideName) return false;
      return fs.lstatSync(join(folder, name), { throwIfNoEntry: false })?.isCharacterDevice() === false;
    });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function storePathOf(name: string): StorePath[] {
  try {
    return [parseStorePath(name)];
  } catch (error) {
    if (error instanceof NixCompatError) return [];
    throw error;
  }
}
