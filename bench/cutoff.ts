/**
 * How long it takes to find that nothing is to be built: a graph of floating derivations rests on one that is built anew and
 * comes out the same, so that all of them are resolved to what is there already.
 *
 *     scripts/run bench/cutoff.ts [--save] [--width N] [--height N] [--runs N] [--folder DIR]
 *
 * 100 rows of 100 unless given, built once (minutes) in a new folder, without sandboxes; then with other seeds, each of which
 * makes all the derivations anew. With --folder the store is kept, and a
 * second run builds nothing. Ends with status 1 when the bar is missed.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Sample } from './framework/comparison.ts';
import { reportAlone } from './framework/measured-alone.ts';
import { OwnStore } from './framework/own-store.ts';

const { values } = parseArgs({
  options: {
    save: { type: 'boolean', default: false },
    width: { type: 'string', default: '100' },
    height: { type: 'string', default: '100' },
    folder: { type: 'string' },
    runs: { type: 'string', default: '5' },
  },
});
const { width, height, save } = values;
const workload = join(import.meta.dirname, 'workloads/cutoff.nix');
/** In seconds, for 10,000 derivations. */
const bar = 2;

using store = new OwnStore(values.folder);
const instantiated: Sample[] = [];
const realised: Sample[] = [];
for (let run = store.isUsed ? 1 : 0; run <= Number(values.runs); run++) {
  const given = ['--argstr', 'seed', `${Date.now()}`, '--arg', 'width', width, '--arg', 'height', height];
  const made = store.run('nix-instantiate', workload, '-A', 'all', ...given);
  const { sample } = store.run('nix-store', '--realise', made.output);
  if (run === 0) continue;
  instantiated.push(made.sample);
  realised.push(sample);
}
const isMet = reportAlone(
  {
    name: 'cutoff',
    title: 'Finding that nothing above an input that comes out the same is to be built',
    workload: `${height} rows of ${width} floating derivations, each of which needs two of the row below, all of them made anew and resting on one that is built anew; without sandboxes`,
    figures: [
      { of: 'nix-store --realise', runs: realised, timeBar: bar },
      { of: 'nix-instantiate before', runs: instantiated },
    ],
  },
  save ? join(import.meta.dirname, 'results') : undefined,
);
process.exitCode = isMet ? 0 : 1;
