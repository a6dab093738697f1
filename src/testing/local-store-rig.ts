import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Reporter, byteStringFromText } from '../base/index.ts';
import { type StorePath, parseStoreDir, storePathName } from '../nix-compat/index.ts';
import { LocalStore, StoreError, addToStore } from '../store/index.ts';
import { noise } from './blob-store-suite.ts';

/** A local store below `folder`, whose store directory is the one where its paths are printed to be. */
export function openLocalStoreIn(folder: string, reporter?: Reporter): LocalStore {
  const storeDir = join(folder, 'store');
  return new LocalStore({
    dataFolder: join(folder, 'data'),
    storeDir: parseStoreDir(storeDir),
    realStoreDir: storeDir,
    ...(reporter === undefined ? {} : { reporter }),
  });
}

/**
 * Adds a folder of two files that no other name has: one is a row of the database and a file once it is checked out,
 * the other a file.
 */
export async function addTestPath(
  store: LocalStore,
  name: string,
  references: readonly StorePath[] = [],
): Promise<StorePath> {
  const seed = Array.from(name).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2 ** 31, 7);
  const files = { large: noise(20_000, seed), small: Buffer.from(`small ${name}`) };
  const info = await addToStore(
    store,
    async sink => {
      sink.startDirectory();
      for (const [entry, bytes] of Object.entries(files)) {
        sink.entry(byteStringFromText(entry));
        sink.startFile(false, bytes.byteLength);
        sink.fileData(bytes);
        sink.endFile();
      }
      sink.endDirectory();
    },
    { name, references: { others: references.toSorted(), self: false } },
  );
  return info.path;
}

/** Makes `path` a root of the store in `folder`. */
export function addTestRoot(folder: string, path: StorePath, name = storePathName(path)): void {
  const roots = join(folder, 'data', 'gcroots');
  mkdirSync(roots, { recursive: true });
  symlinkSync(join(folder, 'store', path), join(roots, name));
}

/** Names of what is in the store directory but for `.links`, in ascending order. */
export function listTestStore(folder: string): string[] {
  return readdirSync(join(folder, 'store'))
    .filter(name => name !== '.links')
    .toSorted();
}

/** Has links refused that are to be roots elsewhere than in `folder`: hostile clients name any place, and we may be root. */
export function keepRootsIn(folder: string, { collector }: LocalStore): void {
  const add = collector.addIndirectRoot.bind(collector);
  const addWithin: typeof add = (link, path) => {
    if (resolve(link).startsWith(`${folder}/`)) return add(link, path);
    return Promise.reject(new StoreError('store/read-only', `cannot make a root at '${link}'`));
  };
  Object.defineProperty(collector, 'addIndirectRoot', { value: addWithin });
}
