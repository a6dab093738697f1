import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { fillOwnStore, fillPeerStore, storeBelow } from '../workloads/two-stores.ts';

const counts = { live: 100_000, dead: 100_000 };

/** Of a store in which half of the paths are garbage. Each run has a copy of the store of its side. */
export const gcComparison: Comparison = {
  title: 'garbage collection',
  workload: '100,000 live and 100,000 dead store paths, each a file of some 50 bytes that refers to three others',
  pairs: 3,
  // A block for each file, ours also being blobs; inodes; the database.
  bytesPerRun: 2_000_000_000,
  async prepare(workspace) {
    const peer = workspace.peer('nix-store');
    const own = workspace.own('nix-store');
    const templates = { peer: join(workspace.folder, 'peer'), own: join(workspace.folder, 'own') };
    for (const template of Object.values(templates)) mkdirSync(template);
    const env = (root: string) => ({
      HOME: workspace.folder,
      NODE_COMPILE_CACHE: join(workspace.folder, 'compile-cache'),
      NIX_REMOTE: `local?root=${root}`,
      NIX_CONFIG: 'build-users-group =',
      NIX_CONF_DIR: '/var/empty',
    });
    fillPeerStore(templates.peer, counts, peer, env(templates.peer));
    await fillOwnStore(templates.own, counts);
    const side = (command: string, template: string): Side => ({
      command: 'nix-store --gc',
      invoke: ({ fresh }) => {
        execFileSync('cp', ['-a', template, fresh]);
        execFileSync('sync');
        return { argv: [command, '--gc', '--quiet'], env: env(fresh) };
      },
      result: ({ fresh }, stdout) => {
        const left = readdirSync(storeBelow(fresh).store).filter(name => !name.startsWith('.'));
        return `${/[0-9]+ store paths deleted/.exec(stdout)?.[0]}, ${left.length} are left`;
      },
    });
    return {
      sides: { peer: side(peer, templates.peer), own: side(own, templates.own) },
      figures: [
        { name: 'time', kind: 'ratio', of: 'own', against: 'peer', bar: 0.5 },
        { name: 'memory', kind: 'memory', of: 'own' },
      ],
    };
  },
};
