import { type ByteString, brandAs } from '../../base/index.ts';
import { type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { WantedObject } from './file-system-io.ts';

/** What a path in the store stands for that is not there yet. */
export type OverlaidPlace =
  | { readonly kind: 'text'; readonly contents: Uint8Array }
  /** What it will be a copy of. */
  | { readonly kind: 'tree'; readonly source: ByteString; readonly accepts: (path: ByteString) => boolean };

/** The store objects that an evaluation wants, as if they were in the store: the same evaluation may read them. */
export class WantedOverlay {
  readonly #prefix: string;
  readonly #objects = new Map<string, WantedObject>();

  constructor(storeDir: StoreDir) {
    this.#prefix = printStorePath(storeDir, brandAs<StorePath>(''));
  }

  add(object: WantedObject): void {
    this.#objects.set(object.path, object);
  }

  removeWhere(isGone: (object: WantedObject) => boolean): void {
    for (const [path, object] of this.#objects) if (isGone(object)) this.#objects.delete(path);
  }

  get(path: StorePath): WantedObject | undefined {
    return this.#objects.get(path);
  }

  /** Undefined for paths that are not in one of the objects. */
  find(path: ByteString): OverlaidPlace | undefined {
    if (!path.startsWith(this.#prefix)) return undefined;
    const end = path.indexOf('/', this.#prefix.length);
    const object = this.#objects.get(path.slice(this.#prefix.length, end < 0 ? undefined : end));
    if (object === undefined) return undefined;
    const below = end < 0 ? '' : path.slice(end);
    if (object.kind === 'text') return below === '' ? { kind: 'text', contents: object.contents } : undefined;
    const { accepts, addition } = object;
    const source = brandAs<ByteString>(addition.path + below);
    const isTaken = (entry: ByteString) => accepts?.(Buffer.from(entry, 'latin1')) ?? true;
    return below !== '' && !isTaken(source) ? undefined : { kind: 'tree', source, accepts: isTaken };
  }
}
