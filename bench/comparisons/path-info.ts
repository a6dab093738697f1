import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaultStoreDir, printStorePath } from '../../src/nix-compat/index.ts';
import type { Comparison, Side } from '../framework/comparison.ts';
import { liveRoot } from '../workloads/store-paths.ts';
import { fillOwnStore, fillPeerStore } from '../workloads/two-stores.ts';

const counts = { live: 10_000, dead: 0 };

/** Of what two stores know of the same closure. */
export const pathInfoComparison: Comparison = {
  title: 'asking for a closure',
  workload: 'a closure of 10,000 store paths, each with up to three references',
  pairs: 15,
  bytesPerRun: 0,
  async prepare(workspace) {
    const { folder } = workspace;
    const [peerRoot, ownRoot] = [join(folder, 'peer'), join(folder, 'own')];
    for (const root of [peerRoot, ownRoot]) mkdirSync(root);
    const environmentOf = (root: string) => ({
      HOME: folder,
      NIX_REMOTE: `local?root=${root}`,
      NIX_CONF_DIR: '/var/empty',
      NIX_CONFIG: 'experimental-features = nix-command\nbuild-users-group =\nsubstituters =',
    });
    fillPeerStore(peerRoot, counts, workspace.peer('nix-store'), environmentOf(peerRoot));
    await fillOwnStore(ownRoot, counts);
    const path = printStorePath(defaultStoreDir, liveRoot());
    const side = (program: string, root: string, name: string): Side => ({
      command: `${name}nix path-info --recursive`,
      invoke: () => ({ argv: [program, 'path-info', '--recursive', path], env: environmentOf(root), stdout: 'pipe' }),
    });
    return {
      sides: {
        peer: side(workspace.peer('nix'), peerRoot, ''),
        Firn: side(workspace.own('nix'), ownRoot, "Firn's "),
      },
      figures: [
        { name: 'time', kind: 'ratio', of: 'Firn', against: 'peer', bar: 1 },
        { name: 'memory', kind: 'memory', of: 'Firn' },
      ],
    };
  },
};
