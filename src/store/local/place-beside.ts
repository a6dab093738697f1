import { join } from 'node:path';
import { type StorePath, storePathHashPart } from '../../nix-compat/index.ts';
import type { LocalStore } from './local-store.ts';

/** So that paths whose hash parts are the same have their own. */
let places = 0;

/** A free place in the store directory, where a collection takes what is there for a part of `path`, a temporary root. */
export function placeBeside({ realStoreDir }: LocalStore, name: string, path: StorePath): string {
  return join(realStoreDir, `${storePathHashPart(path)}-${name}-${process.pid}-${++places}`);
}
