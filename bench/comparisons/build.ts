import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError, type Comparison, type Figure, type Invocation, type Workspace } from '../framework/comparison.ts';

const expression = join(import.meta.dirname, '../workloads/trivial-builds.nix');

interface Builds {
  readonly title: string;
  readonly workload: string;
  readonly shape: 'independent' | 'chained';
  readonly count: number;
  /** Whether all is built before, so that nothing is left to do. */
  readonly isBuilt: boolean;
  readonly pairs: number;
  /** Of the times of both. */
  readonly bar: number;
}

/** In stores of their own below root folders, in sandboxes, as many at a time as there are processors. */
function builds({ title, workload, shape, count, isBuilt, pairs, bar }: Builds): Comparison {
  return {
    title,
    workload,
    pairs,
    bytesPerRun: count * 20_000,
    async prepare(workspace) {
      const against = { of: 'firn', against: 'peer' } as const;
      const figures: Figure[] = [
        { ...against, name: 'time', kind: 'ratio', bar },
        { name: 'memory', kind: 'memory', of: 'firn' },
      ];
      const invoke =
        (program: string) =>
        (root: string): Invocation => {
          mkdirSync(root, { recursive: true });
          return { argv: [program, ...buildArguments(shape, count)], env: environmentOf(workspace, root) };
        };
      const command = `nix-build --max-jobs auto --no-out-link trivial-builds.nix --argstr shape ${shape} --arg count ${count}`;
      const peer = invoke(workspace.peer('nix-build'));
      const firn = invoke(workspace.own('nix-build'));
      if (isBuilt)
        for (const [name, build] of Object.entries({ peer, firn })) runOnce(build(join(workspace.folder, name)));
      const rootOf = (name: string, fresh: string) => (isBuilt ? join(workspace.folder, name) : fresh);
      return {
        sides: {
          peer: { command, invoke: ({ fresh }) => peer(rootOf('peer', fresh)) },
          firn: { command: `Firn's ${command}`, invoke: ({ fresh }) => firn(rootOf('firn', fresh)) },
        },
        figures,
      };
    },
  };
}

function buildArguments(shape: string, count: number): readonly string[] {
  const system = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux`;
  const args = ['--argstr', 'shape', shape, '--arg', 'count', String(count), '--argstr', 'system', system];
  return [expression, '--no-out-link', '--max-jobs', 'auto', ...args, '--argstr', 'shell', '/bin/sh'];
}

function environmentOf({ folder }: Workspace, root: string): Record<string, string> {
  return {
    HOME: folder,
    NIX_REMOTE: `local?root=${root}`,
    NIX_CONF_DIR: '/var/empty',
    NIX_CONFIG: [
      'experimental-features = nix-command',
      'build-users-group =',
      'substituters =',
      'sandbox = true',
      'sandbox-fallback = false',
      `sandbox-paths = /bin/sh=${staticShell()}`,
    ].join('\n'),
  };
}

/** A shell that needs no other file. */
function staticShell(): string {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  } catch (cause) {
    throw new BenchError('busybox is not installed, which is the shell in the sandboxes (Debian: busybox-static)', {
      cause,
    });
  }
}

function runOnce({ argv: [program, ...args], env }: Invocation): void {
  execFileSync(program, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
}

export const independentBuildsComparison: Comparison = builds({
  title: 'Building 200 derivations side by side',
  workload: '200 derivations that write a line each, none of which needs another; in sandboxes',
  shape: 'independent',
  count: 200,
  isBuilt: false,
  pairs: 5,
  bar: 0.5,
});

export const chainedBuildsComparison: Comparison = builds({
  title: 'Building 100 derivations one after the other',
  workload: '100 derivations that write a line each, each of which needs the one before; in sandboxes',
  shape: 'chained',
  count: 100,
  isBuilt: false,
  pairs: 5,
  bar: 1,
});

export const builtComparison: Comparison = builds({
  title: 'Building what is built',
  workload: '200 derivations whose outputs are valid',
  shape: 'independent',
  count: 200,
  isBuilt: true,
  pairs: 15,
  bar: 1,
});

export const planComparison: Comparison = builds({
  title: 'Planning with nothing to do',
  workload: '10,000 derivations whose outputs are valid',
  shape: 'independent',
  count: 10_000,
  isBuilt: true,
  pairs: 5,
  bar: 1,
});
