import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { serveFolder } from '../framework/serve-folder.ts';
import { closureBytes, closureRoot, closureWorkload, makeClosure } from '../workloads/closure.ts';
import { hashStore } from '../workloads/hash-store.ts';

const compressions = ['none', 'zstd', 'xz'] as const;

/** Of a closure from a binary cache that C++ Nix wrote, into fresh stores. */
export const substituteComparison: Comparison = {
  title: 'substituting from a binary cache',
  workload: `${closureWorkload}; signed, from one server on the loopback interface`,
  pairs: 5,
  bytesPerRun: closureBytes,
  async prepare(workspace) {
    const { folder } = workspace;
    const peer = workspace.peer('nix-store');
    const source = join(folder, 'source');
    makeClosure(source, peer);
    const key = join(folder, 'key');
    execFileSync(peer, ['--generate-binary-cache-key', 'bench-1', key, `${key}.public`]);
    const sides: Record<string, Side> = {};
    const stack = new DisposableStack();
    for (const compression of compressions) {
      const cache = join(folder, `cache-${compression}`);
      const target = `file://${cache}?compression=${compression}&compression-level=1&secret-key=${key}`;
      // Levels change how long compressing takes, hardly how long decompressing does.
      execFileSync(workspace.peer('nix'), ['copy', '--to', target, `/nix/store/${closureRoot}`], {
        env: { HOME: folder, NIX_REMOTE: `local?root=${source}`, NIX_CONFIG: 'experimental-features = nix-command' },
        stdio: 'ignore',
      });
      const { url } = stack.use(await serveFolder(workspace, cache));
      const side = (program: string, name: string): Side => ({
        command: `${name}nix-store --realise, ${compression}`,
        invoke: ({ fresh }) => {
          mkdirSync(fresh);
          return {
            argv: [program, '--realise', `/nix/store/${closureRoot}`, '--no-gc-warning', '--quiet'],
            env: {
              HOME: fresh,
              XDG_CACHE_HOME: join(fresh, 'cache'),
              NIX_REMOTE: `local?root=${fresh}`,
              NIX_CONF_DIR: '/var/empty',
              NIX_CONFIG: [
                'build-users-group =',
                `substituters = ${url}`,
                `trusted-public-keys = ${readFileSync(`${key}.public`, 'utf8')}`,
                'print-missing = false',
              ].join('\n'),
            },
          };
        },
        result: ({ fresh }) => hashStore(join(fresh, 'nix/store')),
      });
      sides[`peer ${compression}`] = side(peer, '');
      sides[`Firn ${compression}`] = side(workspace.own('nix-store'), "Firn's ");
    }
    return {
      sides,
      close: () => stack.dispose(),
      figures: compressions.flatMap(compression => [
        {
          name: `time, ${compression}`,
          kind: 'ratio',
          of: `Firn ${compression}`,
          against: `peer ${compression}`,
          bar: 0.7,
        } as const,
        { name: `memory, ${compression}`, kind: 'memory', of: `Firn ${compression}` } as const,
      ]),
    };
  },
};
