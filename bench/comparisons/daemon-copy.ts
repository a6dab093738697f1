import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaultStoreDir, printStorePath } from '../../src/nix-compat/index.ts';
import type { Comparison, Side } from '../framework/comparison.ts';
import { type Daemon, startDaemon } from '../framework/daemons.ts';
import { hashStore } from '../workloads/hash-store.ts';
import { liveRoot } from '../workloads/store-paths.ts';
import { fillPeerStore, storeBelow } from '../workloads/two-stores.ts';

const counts = { live: 2000, dead: 0 };

/** Of many small paths by C++ Nix into the daemons of both, which get a store of their own in every run. */
export const daemonCopyComparison: Comparison = {
  title: 'copying 2,000 small paths into a daemon',
  workload:
    'a closure of 2,000 store paths, each a file of some 60 bytes with up to three references; by the `nix copy` of C++ Nix to a daemon that has just been started, with an empty store',
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
    fillPeerStore(source, counts, workspace.peer('nix-store'), env);
    const path = printStorePath(defaultStoreDir, liveRoot());
    let daemon: Daemon | undefined;
    const side = (program: string, name: string): Side => ({
      command: `nix copy --to unix://…, of ${name}nix-daemon`,
      server: () => daemon?.usage() ?? { cpuMs: 0, peakKiB: 0 },
      invoke: async ({ fresh }) => {
        daemon?.[Symbol.dispose]();
        mkdirSync(fresh);
        const socket = join(fresh, 'socket');
        daemon = await startDaemon(workspace, { program, root: fresh, socket });
        const argv = [workspace.peer('nix'), 'copy', '--to', `unix://${socket}`, '--no-check-sigs', '--quiet', path] as const;
        return { argv, env };
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
