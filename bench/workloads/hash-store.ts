import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hashTree } from './tree.ts';

/** The hashes of all store paths in a store directory, to see whether what was made is right. */
export function hashStore(storeDirectory: string): string {
  const names = readdirSync(storeDirectory).filter(name => /^[0-9a-z]{32}-[^.]*$/.test(name));
  return names
    .toSorted()
    .map(name => `${name} ${hashTree(join(storeDirectory, name))}`)
    .join('\n');
}
