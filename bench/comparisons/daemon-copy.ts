import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type StorePath, defaultStoreDir, printStorePath } from '../../src/nix-compat/index.ts';
import type { Comparison, Side } from '../framework/comparison.ts';
import { type Daemon, startDaemon } from '../framework/daemons.ts';
import { hashStore } from '../workloads/hash-store.ts';
import { livePath, liveRoot } from '../workloads/store-paths.ts';
import { fillPeerStore, storeBelow } from '../workloads/two-stores.ts';

/** Those that are measured, and those that the daemon was sent before, to which the others refer, too. */
const counts = { measured: 2000, before: 600 };

/** Of many small paths by C++ Nix into the daemons of both, which get a store of their own in every run. */
export const daemonCopyComparison: Comparison = {
  title: 'copying 2,000 small paths into a daemon',
  workload:
    '2,000 store paths, each a file of some 60 bytes with up to three references; by the `nix copy` of C++ Nix to a daemon that has been sent 600 others before, into a new store',
  pairs: 7,
  bytesPerRun: 40_000_000,
  prepare(workspace) {
    const { folder } = workspace;
    const source = join(folder, 'source');
    mkdirSync(source);
    const env = {
      HOME: folder,
      NIX_REMOTE: `local?root=${source}`,
      NIX_CONF_DIR: '/var/empty',
      NIX_CONFIG: 'experimental-features = nix-command\nbuild-users-group =\nsubstituters =',
    };
    fillPeerStore(source, { live: counts.measured + counts.before, dead: 0 }, workspace.peer('nix-store'), env);
    const printed = (path: StorePath) => printStorePath(defaultStoreDir, path);
    const before = Array.from({ length: counts.before }, (_, i) => printed(livePath(counts.measured + i)));
    let daemon: Daemon | undefined;
    const side = (program: string, name: string): Side => ({
      command: `nix copy --to unix://…, of ${name}nix-daemon`,
      server: () => daemon?.usage() ?? { cpuMs: 0, peakKiB: 0 },
      invoke: async ({ fresh }) => {
        daemon?.[Symbol.dispose]();
        mkdirSync(fresh);
        const socket = join(fresh, 'socket');
        daemon = await startDaemon(workspace, { program, root: fresh, socket });
        const copy = ['copy', '--to', `unix://${socket}`, '--no-check-sigs', '--quiet'];
        execFileSync(workspace.peer('nix'), [...copy, ...before], { env });
        return { argv: [workspace.peer('nix'), ...copy, printed(liveRoot())], env };
      },
      result: ({ fresh }) => hashStore(storeBelow(fresh).store),
    });
    return Promise.resolve({
      sides: {
        peer: side(workspace.peer('nix-daemon'), ''),
        Firn: side(workspace.own('nix-daemon'), "Firn's "),
      },
      inputs: [storeBelow(source).store],
      figures: [
        { name: 'time', kind: 'ratio', of: 'Firn', against: 'peer', bar: 0.7 },
        { name: 'processor time of the daemon', kind: 'server-ratio', of: 'Firn', against: 'peer' },
        { name: 'memory of the daemon', kind: 'server-memory', of: 'Firn' },
      ],
      close: () => daemon?.[Symbol.dispose](),
    });
  },
};
