import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { FileNode } from '../../src/castore/index.ts';
import { defaultStoreDir, formatRegistrations, printStorePath } from '../../src/nix-compat/index.ts';
import { LocalStore, type Registration } from '../../src/store/index.ts';
import { type DescribedPath, type PathCounts, describeStorePaths, liveRoot, makeStoreFile } from './store-paths.ts';

/** Folders of a store below a root folder of its own, as `local?root=…` has them. */
export function storeBelow(root: string) {
  return { store: join(root, 'nix', 'store'), state: join(root, 'nix', 'var', 'nix') };
}

/** Fills a store of C++ Nix below `root`: files on disk, and what is known of them by `nix-store --load-db`. */
export function fillPeerStore(root: string, counts: PathCounts, nixStore: string, env: Record<string, string>): void {
  const { store } = storeBelow(root);
  mkdirSync(store, { recursive: true });
  const paths: DescribedPath[] = [];
  for (const path of describeStorePaths(counts)) {
    makeStoreFile(store, path);
    paths.push(path);
  }
  const input = Buffer.from(formatRegistrations(defaultStoreDir, paths), 'latin1');
  execFileSync(nixStore, ['--load-db'], { input, env, stdio: ['pipe', 'ignore', 'ignore'] });
  addRoot(root);
}

/** Fills a store of ours below `root` with the same. */
export async function fillOwnStore(root: string, counts: PathCounts): Promise<void> {
  const { store: realStoreDir, state: dataFolder } = storeBelow(root);
  await using store = new LocalStore({ dataFolder, realStoreDir });
  await using batch = store.blobs.batch();
  const registrations: (Registration & { readonly root: FileNode })[] = [];
  for (const { path, nar, references, contents } of describeStorePaths(counts)) {
    const node: FileNode = { kind: 'file', digest: await batch.put(contents), executable: false };
    const info = { path, narHash: nar.hash, narSize: nar.size, references, signatures: [] };
    registrations.push({ info, root: node });
  }
  await batch.commit();
  await store.blobs.prepareFiles(registrations.map(({ root: node }) => node));
  for (const { info, root: node } of registrations) linkSync(store.blobs.pathOf(node), store.realPath(info.path));
  store.paths.register(registrations);
  addRoot(root);
}

function addRoot(root: string): void {
  const roots = join(storeBelow(root).state, 'gcroots');
  mkdirSync(roots, { recursive: true });
  symlinkSync(printStorePath(defaultStoreDir, liveRoot()), join(roots, 'root'));
}
