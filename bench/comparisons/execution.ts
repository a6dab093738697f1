import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { type ReapiServer, makeServerFolder, serveCasd, serveFirn, serveJust } from '../framework/reapi-servers.ts';

const count = 400;
const width = 16;

/** Servers that execute: Firn in sandboxes, the others without. */
export const executionComparison: Comparison = {
  title: 'executing actions',
  workload: `${count} actions that do nothing, ${width} at a time`,
  pairs: 5,
  bytesPerRun: 5_000_000,
  async prepare(workspace) {
    const folder = (name: string) => makeServerFolder(join(workspace.folder, name));
    const [program, ...args] = await workspace.child('execute-actions');
    const stack = new DisposableStack();
    const side = (command: string, server: ReapiServer): Side => {
      const { port } = stack.use(server);
      return {
        command,
        invoke: () => ({ argv: [program, ...args, String(port), String(count), String(width)], env: {} }),
        result: () => '',
      };
    };
    return {
      sides: {
        casd: side(
          'buildbox-casd, buildbox-run-hosttools',
          await serveCasd(folder('casd'), availableParallelism() + 2),
        ),
        just: side('justbuild execute', await serveJust(folder('just'))),
        Firn: side('firn serve', await serveFirn(workspace, folder('firn'))),
      },
      figures: [
        { name: 'time against justbuild', kind: 'ratio', of: 'Firn', against: 'just', bar: 1 / 1.5 },
        { name: 'time against casd', kind: 'ratio', of: 'Firn', against: 'casd', bar: 1 / 1.5 },
      ],
      close: () => stack.dispose(),
    };
  },
};
