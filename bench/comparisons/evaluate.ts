import { join } from 'node:path';
import { BenchError, type Comparison, type Figure, type Side } from '../framework/comparison.ts';

const workloads = join(import.meta.dirname, '../workloads');

interface Evaluation {
  readonly title: string;
  readonly workload: string;
  /** A file of `workloads/`. */
  readonly file: string;
  /** Whether the file is a function of the path of the nixpkgs that NIXPKGS names. */
  readonly takesNixpkgs: boolean;
  readonly pairs: number;
  /** Of the times of both. */
  readonly bar: number;
  /** Of the memory of both. */
  readonly memoryBar?: number;
  /** Whether Firn may remember what was evaluated before; C++ Nix has nothing of the kind without flakes. */
  readonly isRepeated?: boolean;
}

/**
 * A fresh process each, and nothing cached but files by the system, unless it is a repetition. Derivations are made, and stored
 * nowhere.
 */
function evaluation(options: Evaluation): Comparison {
  const { title, workload, file, takesNixpkgs, pairs, bar, memoryBar, isRepeated = false } = options;
  const against = { of: 'firn', against: 'peer' } as const;
  const figures: Figure[] = [
    { ...against, name: 'time', kind: 'ratio', bar },
    { ...against, name: 'memory', kind: 'memory-ratio', ...(memoryBar === undefined ? {} : { bar: memoryBar }) },
  ];
  return {
    title,
    workload,
    pairs,
    bytesPerRun: 0,
    async prepare(workspace) {
      const expression = `import ${join(workloads, file)}${takesNixpkgs ? ` ${nixpkgs()}` : ''}`;
      const args = ['--eval', '--strict', '--json', '--store', 'dummy://', '--expr', expression];
      if (!isRepeated) args.push('--no-eval-cache');
      const env = { HOME: workspace.folder, NIX_STATE_DIR: workspace.folder, NIX_CONF_DIR: workspace.folder };
      const shown = `nix-instantiate --eval --strict --json --store dummy:// --expr 'import ${file}'`;
      const side = (command: string, program: string): Side => ({
        command,
        invoke: () => ({ argv: [program, ...args], env }),
      });
      const sides: Record<'peer' | 'firn', Side> = {
        peer: side(shown, workspace.peer('nix-instantiate')),
        firn: side(`Firn's ${shown}`, workspace.own('nix-instantiate')),
      };
      return { sides, figures };
    },
  };
}

function nixpkgs(): string {
  const folder = process.env['NIXPKGS'];
  if (folder === undefined) throw new BenchError('NIXPKGS is not set: it names the folder of a nixpkgs');
  if (!/^\/[\w./+-]+$/.test(folder)) throw new BenchError(`NIXPKGS is '${folder}', which is no path of the language's`);
  return folder;
}

export const helloComparison: Comparison = evaluation({
  title: 'Evaluating a package',
  workload: 'hello.drvPath of a nixpkgs 20.09',
  file: 'hello.nix',
  takesNixpkgs: true,
  pairs: 21,
  bar: 1,
});

export const helloAgainComparison: Comparison = evaluation({
  title: 'Evaluating a package again',
  workload: 'hello.drvPath of a nixpkgs 20.09, with nothing changed since the last time',
  file: 'hello.nix',
  takesNixpkgs: true,
  pairs: 21,
  bar: 0.35,
  isRepeated: true,
});

export const nixosAgainComparison: Comparison = evaluation({
  title: 'Evaluating a system again',
  workload: 'the same NixOS, with nothing changed since the last time',
  file: 'nixos-system.nix',
  takesNixpkgs: true,
  pairs: 9,
  bar: 0.05,
  isRepeated: true,
});

export const nixosComparison: Comparison = evaluation({
  title: 'Evaluating a system',
  workload: 'drvPath of a NixOS 20.09 with openssh, nginx, grub and a root of ext4',
  file: 'nixos-system.nix',
  takesNixpkgs: true,
  pairs: 7,
  bar: 0.85,
  memoryBar: 1.2,
});

export const packagesComparison: Comparison = evaluation({
  title: 'Evaluating many packages',
  workload: 'drvPath of 118 packages of a nixpkgs 20.09, in one process',
  file: 'packages.nix',
  takesNixpkgs: true,
  pairs: 5,
  bar: 0.8,
});

export const fibComparison: Comparison = evaluation({
  title: 'Calls and arithmetic',
  workload: 'the naive fib of 32',
  file: 'fib.nix',
  takesNixpkgs: false,
  pairs: 7,
  bar: 0.4,
});

export const sortComparison: Comparison = evaluation({
  title: 'Sorting and rebuilding',
  workload: '200,000 sets, sorted by an attribute and made one set of',
  file: 'sort.nix',
  takesNixpkgs: false,
  pairs: 7,
  bar: 0.5,
});

/** Two threads of `eval-jobs` against one. Each has to evaluate what all packages need. */
export const jobsComparison: Comparison = {
  title: 'Evaluating jobs in two threads',
  workload: '118 packages of a nixpkgs 20.09, as jobs of firn eval-jobs',
  pairs: 7,
  bytesPerRun: 0,
  async prepare(workspace) {
    const expression = `import ${join(workloads, 'package-jobs.nix')} ${nixpkgs()}`;
    const env = { HOME: workspace.folder, NIX_STATE_DIR: workspace.folder, NIX_CONF_DIR: workspace.folder };
    const side = (threads: number): Side => {
      const args = [
        'eval-jobs',
        '--no-eval-cache',
        '--workers',
        String(threads),
        '--no-instantiate',
        '--store',
        'dummy://',
        '--expr',
      ];
      return {
        command: `firn ${args.join(' ')} 'import package-jobs.nix'`,
        invoke: () => ({ argv: [workspace.own('firn'), ...args, expression], env }),
        // Lines come in the order in which they are ready.
        result: (_run, stdout) => stdout.split('\n').toSorted().join('\n'),
      };
    };
    const figures: Figure[] = [
      { of: 'two', against: 'one', name: 'time', kind: 'ratio', bar: 0.65 },
      { of: 'two', against: 'one', name: 'memory', kind: 'memory-ratio' },
    ];
    return { sides: { one: side(1), two: side(2) }, figures };
  },
};
