import type { CallOptions } from '../castore/index.ts';
import { type PathInfo, type StoreDir, type StorePath, printStorePath } from '../nix-compat/index.ts';
import { StoreError } from './error.ts';
import type { Store } from './store.ts';

/** Throws `path/invalid`. */
export async function requirePathInfo(store: Store, path: StorePath, options?: CallOptions): Promise<PathInfo> {
  const info = await store.pathInfo(path, options);
  if (info === undefined) throw invalidPath(store.storeDir, path);
  return info;
}

export function invalidPath(storeDir: StoreDir, path: StorePath): StoreError {
  return new StoreError('path/invalid', `path '${printStorePath(storeDir, path)}' is not valid`);
}
