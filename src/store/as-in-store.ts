import type { ByteString } from '../base/index.ts';
import { byteStringFromText, brandAs } from '../base/index.ts';
import type { Store } from './store.ts';

/**
 * `path` where it is in the store directory, or the same in it where it is in the folder that stands for it on disk;
 * undefined elsewhere.
 */
export function asInStore({ storeDir, realStoreDir }: Store, path: ByteString): ByteString | undefined {
  if (path.startsWith(`${storeDir}/`)) return path;
  if (realStoreDir === undefined) return undefined;
  const real = byteStringFromText(realStoreDir);
  return path.startsWith(`${real}/`) ? brandAs<ByteString>(`${storeDir}${path.slice(real.length)}`) : undefined;
}
