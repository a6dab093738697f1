import { join } from 'node:path';
import type { Comparison } from '../framework/comparison.ts';

export const startUpComparison: Comparison = {
  title: 'start-up',
  workload: 'printing the version, beside a Node that does nothing',
  pairs: 41,
  bytesPerRun: 0,
  async prepare(workspace) {
    const env = { HOME: workspace.folder };
    const launcher = join(import.meta.dirname, '../../firn');
    return {
      sides: {
        node: { command: 'node -e 0', invoke: () => ({ argv: [workspace.node, '-e', '0'], env }), result: () => '' },
        firn: { command: './firn --version', invoke: () => ({ argv: [launcher, '--version'], env }), result: () => '' },
      },
      figures: [{ name: 'time', kind: 'difference', of: 'firn', against: 'node', bar: 15 }],
    };
  },
};
