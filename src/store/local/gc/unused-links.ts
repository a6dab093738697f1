import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { errnoOf } from '../../../base/index.ts';
import type { FileSystem } from '../../../castore/index.ts';

/** Where C++ Nix has a link to every file that optimising a store has looked at. */
export const linksName = '.links';

/** Links between two turns of others on this thread. */
const linksAtOnce = 256;

/** Removes links that nothing else is linked to; false where there is no folder of them. */
export async function removeUnusedLinks(fs: FileSystem, realStoreDir: string, signal?: AbortSignal): Promise<boolean> {
  const folder = join(realStoreDir, linksName);
  if (fs.lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  for (const [at, name] of fs.readdirSync(folder, 'latin1').entries()) {
    const link = Buffer.from(`${Buffer.from(folder).toString('latin1')}/${name}`, 'latin1');
    if (fs.lstatSync(link, { throwIfNoEntry: false })?.nlink === 1) remove(fs, link);
    if (at % linksAtOnce !== 0) continue;
    await turn();
    signal?.throwIfAborted();
  }
  return true;
}

function remove(fs: FileSystem, link: Buffer): void {
  try {
    fs.unlinkSync(link);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
