import { readdirSync, readlinkSync } from 'node:fs';
import type { Mount } from '../../exec/index.ts';
import type { RootFs } from './store-views.ts';

/** Made anew for every action. */
const hiddenNames: ReadonlySet<string> = new Set(['dev', 'proc']);

/** What is in the folder `root` of this machine, in the places that it has there, as a root that can be written to. */
export function treeMounts(root: string): RootFs {
  const mounts: Mount[] = [];
  const names = new Set<string>();
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    names.add(entry.name);
    if (hiddenNames.has(entry.name)) continue;
    const [from, to] = [`${root}/${entry.name}`, `/${entry.name}`];
    if (entry.isSymbolicLink()) mounts.push({ kind: 'symlink', to, target: readlinkSync(from) });
    else mounts.push({ kind: 'bind', from, to, writable: true, is: entry.isDirectory() ? 'folder' : 'file' });
  }
  return { mounts, names };
}
