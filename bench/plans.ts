/**
 * How long it takes, and how much memory, to find that nothing of a large plan that builds have made is to be built.
 *
 *     scripts/run bench/plans.ts [--save] [--count N] [--width N] [--height N] [--runs N] [--folder DIR]
 *
 * 100 builds, each of which makes the derivation of a graph of 10 times 100 floating derivations, unless given. The graphs are
 * built once; they come out the same, so that it is 1,000 builds. Then with other seeds: the derivations that builds make are
 * made anew, with the one that each graph rests on, which is not measured; what is measured is realising all that they make,
 * where each of 100,000 derivations is new, resolved, and found to be there. And again where all of it is known. Takes some
 * ten minutes; with --folder the store is kept, and a second run builds nothing. Ends with status 1 when a bar is missed.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Sample } from './framework/comparison.ts';
import { reportAlone } from './framework/measured-alone.ts';
import { OwnStore } from './framework/own-store.ts';

const { values } = parseArgs({
  options: {
    save: { type: 'boolean', default: false },
    count: { type: 'string', default: '100' },
    width: { type: 'string', default: '10' },
    height: { type: 'string', default: '100' },
    folder: { type: 'string' },
    runs: { type: 'string', default: '1' },
  },
});
const { count, width, height, save } = values;
const workload = join(import.meta.dirname, 'workloads/plans.nix');

using store = new OwnStore(values.folder);
function instantiate(attribute: string, seed: string): string {
  const size = ['--arg', 'count', count, '--arg', 'width', width, '--arg', 'height', height];
  const given = ['--argstr', 'seed', seed, '--argstr', 'path', '/usr/bin:/bin', ...size];
  return store.run('nix-instantiate', workload, '-A', attribute, ...given).output;
}

if (!store.isUsed) store.run('nix-store', '--realise', instantiate('all', 'first'));
const scheduled: Sample[] = [];
const again: Sample[] = [];
for (let run = 0; run < Number(values.runs); run++) {
  const seed = `${Date.now()}`;
  store.run('nix-store', '--realise', instantiate('plans', seed));
  const all = instantiate('all', seed);
  scheduled.push(store.run('nix-store', '--realise', all).sample);
  again.push(store.run('nix-store', '--realise', all).sample);
}
const bars = { timeBar: 60, memoryBar: 1000 };
const isMet = reportAlone(
  {
    name: 'plans',
    title: 'Scheduling a plan that builds have made, with nothing to do',
    workload: `${count} derivations that builds have made, each of a graph of ${width} times ${height} floating derivations, all of them new and none of them to be built; without sandboxes`,
    figures: [
      { of: 'nix-store --realise', runs: scheduled, ...bars },
      { of: 'the same again', runs: again, ...bars },
    ],
  },
  save ? join(import.meta.dirname, 'results') : undefined,
);
process.exitCode = isMet ? 0 : 1;
