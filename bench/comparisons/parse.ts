import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseNix } from '../../src/syntax/index.ts';
import { BenchError, type Comparison, type Side } from '../framework/comparison.ts';

const fileCount = 500;

/** The largest first, without those that are no expressions: a program ends at one. */
function largestFiles(folder: string): string[] {
  const files = globSync('**/*.nix', { cwd: folder })
    .map(name => join(folder, name))
    .map(file => ({ file, size: statSync(file).size }))
    .toSorted((a, b) => b.size - a.size || (a.file < b.file ? -1 : 1))
    .slice(0, fileCount + 10)
    .map(({ file }) => file);
  return files.filter(file => parseNix(readFileSync(file)).diagnostics.length === 0).slice(0, fileCount);
}

/** Start-up, parsing, looking all names up, and printing. */
export const parseComparison: Comparison = {
  title: 'Parsing Nix expressions and printing their trees',
  workload: `the ${fileCount} largest files of a nixpkgs, in one process`,
  pairs: 9,
  bytesPerRun: 0,
  async prepare(workspace) {
    const nixpkgs = process.env['NIXPKGS'];
    if (nixpkgs === undefined) throw new BenchError('NIXPKGS is not set: it names the folder of a nixpkgs');
    const files = largestFiles(nixpkgs);
    const args = ['--parse', ...files] as const;
    const env = {
      HOME: workspace.folder,
      NIX_REMOTE: 'dummy://',
      NIX_STATE_DIR: workspace.folder,
      NIX_CONF_DIR: workspace.folder,
    };
    const side = (command: string, program: string): Side => ({
      command,
      invoke: () => ({ argv: [program, ...args], env, stdout: 'pipe' }),
    });
    const sides: Record<'peer' | 'firn', Side> = {
      peer: side('nix-instantiate --parse FILE...', workspace.peer('nix-instantiate')),
      firn: side("Firn's nix-instantiate --parse FILE...", workspace.own('nix-instantiate')),
    };
    return { inputs: files, sides, figures: [{ name: 'time', kind: 'ratio', of: 'firn', against: 'peer', bar: 0.5 }] };
  },
};
