import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { makeTree, treeWorkload } from '../workloads/tree.ts';

/** Of two stores with the same contents: what each side reads and hashes of its own. */
export const verifyComparison: Comparison = {
  title: 'verifying contents',
  workload: `${treeWorkload}; as one store path`,
  pairs: 5,
  bytesPerRun: 0,
  prepare(workspace) {
    const { folder } = workspace;
    const tree = join(folder, 'tree');
    makeTree(tree);
    const sideOf = (name: string, program: string): Side => {
      const root = join(folder, name);
      mkdirSync(root);
      const env = {
        HOME: folder,
        NIX_REMOTE: `local?root=${root}`,
        NIX_CONF_DIR: '/var/empty',
        NIX_CONFIG: 'build-users-group =\nsubstituters =',
      };
      execFileSync(program, ['--add', tree], { env: { PATH: process.env['PATH'], ...env } });
      return {
        command: `${name === 'own' ? "Firn's " : ''}nix-store --verify --check-contents`,
        invoke: () => ({ argv: [program, '--verify', '--check-contents'], env }),
      };
    };
    return Promise.resolve({
      sides: { peer: sideOf('peer', workspace.peer('nix-store')), Firn: sideOf('own', workspace.own('nix-store')) },
      inputs: [join(folder, 'peer'), join(folder, 'own')],
      figures: [
        { name: 'time', kind: 'ratio', of: 'Firn', against: 'peer', bar: 1 },
        { name: 'memory', kind: 'memory', of: 'Firn' },
      ],
    });
  },
};
