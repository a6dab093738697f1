import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { walkTreeToEnd } from '../../src/castore/index.ts';
import { NarWriter } from '../../src/nix-compat/index.ts';
import type { Comparison, Side } from '../framework/comparison.ts';
import { hashTree, makeTree, treeBytes, treeWorkload } from '../workloads/tree.ts';

/** Of a NAR to disk and to the castore, against `nix-store --restore`. */
export const restoreComparison: Comparison = {
  title: 'restoring a NAR',
  workload: treeWorkload,
  pairs: 7,
  bytesPerRun: treeBytes,
  async prepare(workspace) {
    const { folder } = workspace;
    const tree = join(folder, 'tree');
    const nar = join(folder, 'nar');
    const peer = workspace.peer('nix-store');
    const child = await workspace.child('import-nar');
    makeTree(tree);
    writeNar(tree, nar);
    const hash = hashTree(tree);
    const env = { HOME: folder };
    const restored: Side['result'] = ({ fresh }) => hashTree(fresh);
    const sides: Record<'peer' | 'disk' | 'castore', Side> = {
      peer: {
        command: 'nix-store --restore',
        invoke: ({ fresh }) => ({ argv: [peer, '--restore', fresh], env, stdin: nar }),
        result: restored,
      },
      disk: {
        command: "Firn's nix-store --restore",
        invoke: ({ fresh }) => ({ argv: [workspace.own('nix-store'), '--restore', fresh], env, stdin: nar }),
        result: restored,
      },
      castore: {
        command: 'NarReader to TreeBuilder, committed durably, into an empty data folder',
        invoke: ({ fresh }) => ({
          argv: [...child, fresh],
          env: { ...env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
          stdin: nar,
        }),
        result: () => hash,
      },
    };
    return {
      inputs: [nar],
      sides,
      figures: [
        { name: 'time to disk', kind: 'ratio', of: 'disk', against: 'peer', bar: 1.0 },
        { name: 'time to the castore', kind: 'ratio', of: 'castore', against: 'peer' },
        { name: 'memory to the castore', kind: 'memory', of: 'castore' },
      ],
    };
  },
};

function writeNar(tree: string, path: string): void {
  const fd = openSync(path, 'wx');
  walkTreeToEnd(
    tree,
    new NarWriter(chunk => {
      for (let at = 0; at < chunk.byteLength;) at += writeSync(fd, chunk, at);
    }),
  );
  closeSync(fd);
}
