import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { writeNoise } from '../workloads/noise.ts';

export const hashComparison: Comparison = {
  title: 'SHA-256 of a file, in nix32',
  workload: 'one file of 1,000,000,000 bytes',
  pairs: 9,
  bytesPerRun: 0,
  async prepare(workspace) {
    const file = join(workspace.folder, 'file');
    const peer = workspace.peer('nix-hash');
    writeNoise(file, 1_000_000_000, 1);
    const args = ['--type', 'sha256', '--flat', '--base32', file];
    const env = { HOME: workspace.folder };
    const sides: Record<'peer' | 'firn', Side> = {
      peer: { command: 'nix-hash --type sha256 --flat --base32 FILE', invoke: () => ({ argv: [peer, ...args], env }) },
      firn: {
        command: "Firn's nix-hash --type sha256 --flat --base32 FILE",
        invoke: () => ({ argv: [workspace.own('nix-hash'), ...args], env }),
      },
    };
    return { inputs: [file], sides, figures: [{ name: 'time', kind: 'ratio', of: 'firn', against: 'peer', bar: 1.1 }] };
  },
};
