import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { environmentOf } from './build.ts';

const expression = join(import.meta.dirname, '../workloads/dynamic-builds.nix');

/** Pairs of builds. */
const count = 1000;

/** Beside the peer: of 1,000 it had built half after 16 minutes, with 9.5 GB in memory. */
const countBesidePeer = 200;

/** Derivations that derivations make, beside the peer's and beside as many that an expression says. */
export const dynamicBuildsComparison: Comparison = {
  title: 'Building derivations that derivations make',
  workload: `${count} derivations in sandboxes (${countBesidePeer} beside the peer), each of which a derivation of its own makes in another sandbox; or that read what another one made`,
  pairs: 2,
  bytesPerRun: count * 40_000,
  prepare(workspace) {
    const firn = workspace.own('nix-build');
    const system = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux`;
    const sideOf = (program: string, shape: 'dynamic' | 'static', some: number): Side => ({
      command: `${program === firn ? "Firn's " : ''}nix-build --max-jobs auto --no-out-link dynamic-builds.nix --argstr shape ${shape} --arg count ${some}`,
      invoke: ({ fresh }) => {
        mkdirSync(fresh, { recursive: true });
        const args = ['--argstr', 'shape', shape, '--arg', 'count', String(some), '--argstr', 'system', system];
        const argv = [program, expression, '--no-out-link', '--max-jobs', 'auto', ...args] as const;
        const env = environmentOf(workspace, fresh);
        const features = 'extra-experimental-features = ca-derivations dynamic-derivations';
        return { argv, env: { ...env, NIX_CONFIG: `${env['NIX_CONFIG']}\n${features}` } };
      },
      // The static ones have other paths.
      result: () => '',
    });
    return Promise.resolve({
      sides: {
        peer: sideOf(workspace.peer('nix-build'), 'dynamic', countBesidePeer),
        'beside the peer': sideOf(firn, 'dynamic', countBesidePeer),
        firn: sideOf(firn, 'dynamic', count),
        static: sideOf(firn, 'static', count),
      },
      figures: [
        { name: 'time', kind: 'ratio', of: 'beside the peer', against: 'peer', bar: 0.7 },
        { name: 'time', kind: 'ratio', of: 'firn', against: 'static', bar: 1.5 },
        { name: 'memory', kind: 'memory', of: 'firn' },
      ],
    });
  },
};
