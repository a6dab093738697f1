import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { type Daemon, startDaemon } from '../framework/daemons.ts';
import { fillOwnStore, fillPeerStore } from '../workloads/two-stores.ts';

const counts = { live: 10_000, dead: 0 };

/** Requests of the client of our own: one that waits for each answer, and one that sends many before. */
const widths = { 'one at a time': 1, '64 at a time': 64 } as const;

/** Of 10,000 paths, by the same clients from the daemons of both. */
export const daemonPathInfoComparison: Comparison = {
  title: 'asking a daemon for 10,000 path infos',
  workload:
    '10,000 QueryPathInfo by a client of our own that only speaks the protocol, and by the `nix path-info --all` of C++ Nix',
  pairs: 9,
  bytesPerRun: 0,
  async prepare(workspace) {
    const { folder } = workspace;
    const [program, ...args] = await workspace.child('query-path-infos');
    const stack = new DisposableStack();
    const sides: Record<string, Side> = {};
    for (const name of ['peer', 'Firn'] as const) {
      const root = join(folder, name);
      mkdirSync(root);
      if (name === 'peer') {
        fillPeerStore(root, counts, workspace.peer('nix-store'), {
          HOME: folder,
          NIX_REMOTE: `local?root=${root}`,
          NIX_CONF_DIR: '/var/empty',
          NIX_CONFIG: 'build-users-group =\nsubstituters =',
        });
      } else await fillOwnStore(root, counts);
      const daemonProgram = name === 'peer' ? workspace.peer('nix-daemon') : workspace.own('nix-daemon');
      const socket = join(folder, `${name}.socket`);
      const daemon: Daemon = stack.use(await startDaemon(workspace, { program: daemonProgram, root, socket }));
      const server = daemon.usage;
      const told = name === 'peer' ? 'nix-daemon' : "Firn's nix-daemon";
      for (const [width, count] of Object.entries(widths)) {
        sides[`${name}, ${width}`] = {
          command: `QueryPathInfo, ${width}, from ${told}`,
          server,
          invoke: () => ({ argv: [program, ...args, socket, String(count)], env: {}, stdout: 'pipe' }),
        };
      }
      sides[`${name}, C++ Nix`] = {
        command: `nix path-info --all, from ${told}`,
        server,
        invoke: () => ({
          // In an order of its own.
          argv: ['sh', '-c', '"$0" path-info --all --store "$1" | sort', workspace.peer('nix'), `unix://${socket}`],
          env: {
            HOME: folder,
            LC_ALL: 'C',
            NIX_CONF_DIR: '/var/empty',
            NIX_CONFIG: 'experimental-features = nix-command',
          },
          stdout: 'pipe',
        }),
      };
    }
    return {
      sides,
      figures: [...Object.keys(widths), 'C++ Nix'].flatMap(client => {
        const [of, against] = [`Firn, ${client}`, `peer, ${client}`];
        return [
          { name: `time, ${client}`, kind: 'ratio', of, against, bar: 1 } as const,
          { name: `processor time of the daemon, ${client}`, kind: 'server-ratio', of, against } as const,
        ];
      }),
      close: () => stack.dispose(),
    };
  },
};
