import { type StdioOptions, execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
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
      if (isBuilt) {
        const outputs = runOnce(firn(join(workspace.folder, 'firn')));
        if (count <= fewBuilds) runOnce(peer(join(workspace.folder, 'peer')));
        else copyOutputs(workspace, outputs.split('\n').filter(Boolean));
      }
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

/** A store below `root`, with builders in sandboxes that have a shell. */
export function environmentOf({ folder }: Workspace, root: string): Record<string, string> {
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

/** Builds that the peer is made to do beforehand: of 10,000 it has done 1,100 after ten minutes, and has 9 GB in memory. */
const fewBuilds = 1000;

/** Paths that fit on one command line. */
const pathsAtOnce = 2000;

/** Makes what Firn has built valid in the peer's store. */
function copyOutputs(workspace: Workspace, outputs: readonly string[]): void {
  mkdirSync(join(workspace.folder, 'peer'));
  for (let at = 0; at < outputs.length; at += pathsAtOnce) {
    const exported = join(workspace.folder, 'exported');
    const paths = outputs.slice(at, at + pathsAtOnce);
    const from = {
      argv: [workspace.own('nix-store'), '--export', ...paths] as const,
      env: environmentOf(workspace, join(workspace.folder, 'firn')),
    };
    const into = environmentOf(workspace, join(workspace.folder, 'peer'));
    const env = { ...into, NIX_CONFIG: `${into['NIX_CONFIG']}\nrequire-sigs = false` };
    withFile(exported, 'w', output => run(from, ['ignore', output, 'ignore']));
    withFile(exported, 'r', input =>
      run({ argv: [workspace.peer('nix-store'), '--import'], env }, [input, 'ignore', 'ignore']),
    );
    rmSync(exported);
  }
}

function withFile(path: string, flags: 'r' | 'w', use: (fd: number) => void): void {
  const fd = openSync(path, flags);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

function runOnce(invocation: Invocation): string {
  return run(invocation, ['ignore', 'pipe', 'ignore']);
}

function run({ argv: [program, ...args], env }: Invocation, stdio: StdioOptions): string {
  const variables = { PATH: process.env['PATH'] ?? '', ...env };
  return execFileSync(program, args, { env: variables, stdio, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }) ?? '';
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
  workload: '10,000 derivations whose outputs are valid, built by Firn and copied',
  shape: 'independent',
  count: 10_000,
  isBuilt: true,
  pairs: 3,
  bar: 1,
});
