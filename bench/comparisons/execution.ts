import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { type ReapiServer, makeServerFolder, serveCasd, serveFirn, serveJust } from '../framework/reapi-servers.ts';

const width = 16;

const peers = {
  casd: {
    command: 'buildbox-casd, buildbox-run-hosttools',
    serve: (folder: string) => serveCasd(folder, availableParallelism() + 2),
  },
  just: { command: 'justbuild execute', serve: serveJust },
} as const;

/** Servers that execute: Firn in sandboxes, the other without. `count`: so many that starting the client does not matter. */
function comparisonWith(peer: keyof typeof peers, count: number): Comparison {
  return {
    title: `executing actions, beside ${peer}`,
    workload: `${count} actions that do nothing, ${width} at a time`,
    pairs: 3,
    bytesPerRun: 10_000_000,
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
      const { command, serve } = peers[peer];
      return {
        sides: {
          [peer]: side(command, await serve(folder(peer))),
          Firn: side('firn serve', await serveFirn(workspace, folder('firn'))),
        },
        figures: [{ name: 'time', kind: 'ratio', of: 'Firn', against: peer, bar: 1 / 1.5 }],
        close: () => stack.dispose(),
      };
    },
  };
}

export const executionBesideJustComparison = comparisonWith('just', 1500);
export const executionBesideCasdComparison = comparisonWith('casd', 200);
