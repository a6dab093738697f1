import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatHash, parsePrefixedHash } from '../../src/nix-compat/index.ts';
import type { Comparison, Side } from '../framework/comparison.ts';
import { hashTree, makeTree, treeBytes, treeWorkload } from '../workloads/tree.ts';

const targets = ['local', 'none', 'zstd'] as const;

const config = 'build-users-group =\nexperimental-features = nix-command\nsubstituters =\n';

/** Of one large path to another local store and to binary caches on disk, by each side from a store that it made itself. */
export const copyComparison: Comparison = {
  title: 'copying a store path',
  workload: `${treeWorkload}; as one store path`,
  pairs: 3,
  bytesPerRun: treeBytes,
  prepare(workspace) {
    const { folder } = workspace;
    const tree = join(folder, 'tree');
    makeTree(tree);
    const sides: Record<string, Side> = {};
    for (const [name, program] of [
      ['peer', (command: string) => workspace.peer(command)],
      ['Firn', (command: string) => workspace.own(command)],
    ] as const) {
      const root = join(folder, `source-${name}`);
      const env = {
        HOME: folder,
        XDG_CACHE_HOME: join(root, 'cache'),
        NIX_REMOTE: `local?root=${root}`,
        NIX_CONF_DIR: '/var/empty',
        NIX_CONFIG: config,
      };
      mkdirSync(root);
      const added = execFileSync(program('nix-store'), ['--add', tree], {
        env: { PATH: process.env['PATH'], ...env },
        encoding: 'utf8',
      });
      const path = added.trim();
      for (const target of targets) {
        sides[`${name} ${target}`] = {
          command: `${name === 'Firn' ? "Firn's " : ''}nix copy --to ${target === 'local' ? 'local?root=…' : `file://…?compression=${target}`}`,
          invoke: ({ fresh }) => {
            const uri = target === 'local' ? `local?root=${fresh}` : `file://${fresh}?compression=${target}`;
            return { argv: [program('nix'), 'copy', '--to', uri, '--no-check-sigs', '--quiet', path], env };
          },
          result: ({ fresh }) => (target === 'local' ? hashTree(join(fresh, path)) : narHashOf(fresh)),
        };
      }
    }
    return Promise.resolve({
      sides,
      inputs: ['peer', 'Firn'].map(name => join(folder, `source-${name}`)),
      figures: targets.flatMap(target => [
        { name: `time, ${target}`, kind: 'ratio', of: `Firn ${target}`, against: `peer ${target}`, bar: 1.0 } as const,
        { name: `memory, ${target}`, kind: 'memory', of: `Firn ${target}` } as const,
      ]),
    });
  },
};

/** As `hashTree`, of the only path of a binary cache. */
function narHashOf(cache: string): string {
  const info = readdirSync(cache).find(name => name.endsWith('.narinfo')) ?? '';
  const hash = /^NarHash: (.*)$/m.exec(readFileSync(join(cache, info), 'utf8'))?.[1] ?? '';
  return formatHash(parsePrefixedHash(hash), 'sri');
}
