import { join } from 'node:path';
import { DiskBlobStore, importTree } from '../../src/castore/index.ts';
import type { Comparison, Side } from '../framework/comparison.ts';
import { makeTree, treeWorkload } from '../workloads/tree.ts';

/** Of a tree in the castore, against `nix-store --dump` of the same on disk. */
export const dumpComparison: Comparison = {
  title: 'NAR of a tree, into a pipe',
  workload: treeWorkload,
  pairs: 15,
  bytesPerRun: 0,
  async prepare(workspace) {
    const { folder } = workspace;
    const tree = join(folder, 'tree');
    const data = join(folder, 'data');
    const peer = workspace.peer('nix-store');
    const child = await workspace.child('dump-tree');
    makeTree(tree);
    const root = await importInto(data, tree);
    const env = { HOME: folder, NODE_COMPILE_CACHE: join(folder, 'compile-cache') };
    const sides: Record<'peer' | 'castore' | 'disk', Side> = {
      peer: {
        command: 'nix-store --dump TREE',
        invoke: () => ({ argv: [peer, '--dump', tree], env, stdout: 'pipe' }),
      },
      castore: {
        command: 'streamTree of the imported tree',
        invoke: () => ({ argv: [...child, data, JSON.stringify(root)], env, stdout: 'pipe' }),
      },
      disk: {
        command: "Firn's nix-store --dump TREE",
        invoke: () => ({ argv: [workspace.own('nix-store'), '--dump', tree], env: { HOME: folder }, stdout: 'pipe' }),
      },
    };
    return {
      inputs: [tree, data],
      sides,
      figures: [
        { name: 'time from the castore', kind: 'ratio', of: 'castore', against: 'peer', bar: 1.2 },
        { name: 'time from disk', kind: 'ratio', of: 'disk', against: 'peer' },
      ],
    };
  },
};

async function importInto(data: string, tree: string) {
  await using store = new DiskBlobStore(data);
  await using batch = store.batch();
  const root = await importTree(tree, batch);
  await batch.commit();
  return root;
}
