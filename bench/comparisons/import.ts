import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { makeTree, treeBytes, treeWorkload } from '../workloads/tree.ts';

/** Of a file tree into the castore, against `nix-store --add`; ours is synced to the disk, C++ Nix's is not. */
export const importComparison: Comparison = {
  title: 'import of a file tree',
  workload: treeWorkload,
  pairs: 7,
  bytesPerRun: treeBytes,
  async prepare(workspace) {
    const tree = join(workspace.folder, 'tree');
    const peer = workspace.peer('nix-store');
    const child = await workspace.child('import-tree');
    makeTree(tree);
    const env = { HOME: workspace.folder, NODE_COMPILE_CACHE: join(workspace.folder, 'compile-cache') };
    const sides: Record<'peer' | 'castore' | 'store', Side> = {
      peer: {
        command: 'nix-store --add TREE, into an empty store',
        invoke: ({ fresh }) => ({
          argv: [peer, '--add', tree],
          env: {
            ...env,
            NIX_REMOTE: `local?root=${fresh}`,
            NIX_CONFIG: 'build-users-group =',
            NIX_CONF_DIR: '/var/empty',
          },
        }),
      },
      castore: {
        command: 'importTree with the hash of the NAR, committed durably, into an empty data folder',
        invoke: ({ fresh }) => ({ argv: [...child, fresh, tree], env }),
      },
      store: {
        command: 'the same, and checkoutTree by hard links',
        invoke: ({ fresh }) => ({ argv: [...child, fresh, tree, `${fresh}-checkout`], env }),
      },
    };
    return {
      inputs: [tree],
      sides,
      figures: [
        { name: 'time', kind: 'ratio', of: 'castore', against: 'peer', bar: 1.0 },
        { name: 'memory', kind: 'memory', of: 'castore', bar: 200 },
        { name: 'time with a checkout', kind: 'ratio', of: 'store', against: 'peer' },
      ],
    };
  },
};
