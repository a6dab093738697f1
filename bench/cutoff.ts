/**
 * How long it takes to find that nothing is to be built: a graph of floating derivations rests on one that is built anew and
 * comes out the same, so that all of them are resolved to what is there already.
 *
 *     scripts/run bench/cutoff.ts [WIDTH HEIGHT]
 *
 * 100 rows of 100 unless given, built once (a few minutes) in a new folder, without sandboxes; then with two other seeds, each
 * of which makes all the derivations anew. Prints seconds of instantiating and of realising.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../src/castore/index.ts';

const bin = join(import.meta.dirname, '../bin');
const [width = '100', height = '100'] = process.argv.slice(2);
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'firn-cutoff-'));
const env = {
  PATH: process.env['PATH'] ?? '',
  HOME: folder,
  NIX_STORE_DIR: join(folder, 'store'),
  NIX_STATE_DIR: join(folder, 'state'),
  NIX_CONF_DIR: '/var/empty',
  NIX_CONFIG: [
    'experimental-features = nix-command ca-derivations',
    'build-users-group =',
    'substituters =',
    'sandbox = false',
  ].join('\n'),
};

function run(program: string, args: readonly string[]): { readonly output: string; readonly seconds: number } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, { env, maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(stderr.toString());
  return { output: stdout.toString().trim(), seconds: (performance.now() - start) / 1000 };
}

try {
  for (const seed of ['first', 'second', 'third']) {
    const workload = join(import.meta.dirname, 'workloads/cutoff.nix');
    const given = ['--argstr', 'seed', seed, '--arg', 'width', width, '--arg', 'height', height];
    const made = run('nix-instantiate', [workload, ...given]);
    const realised = run('nix-store', ['--realise', made.output]);
    const times = `instantiated in ${made.seconds.toFixed(2)} s, realised in ${realised.seconds.toFixed(2)} s`;
    console.log(`${width}x${height}, ${seed} seed: ${times}`);
  }
} finally {
  removeTree(folder);
}
