/**
 * Fuzzes the decoders: hostile input has to come to a value or to one clear error, soon and within bounded memory.
 *
 *     npm run fuzz -- [--seconds 60] [--seed 1] [--jobs 1] [--target NAME]... [--keep]
 *
 * Prints a line for each finding, whose smallest case is kept below test/vectors/fuzz/findings and run by `npm test` from
 * then on, and a table at the end; ends with 1 if there were findings. With the same seed each target is given the same inputs in the same
 * order. `--keep` replaces what is kept of each target's behaviours.
 */
import { parseArgs } from 'node:util';
import { keepBehaviours, keepFinding } from './cases.ts';
import { selectSamples } from './select-samples.ts';
import { Supervisor } from './supervisor.ts';
import { targets } from './targets/index.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    target: { type: 'string', multiple: true, default: [] },
    keep: { type: 'boolean', default: false },
  },
});

const names = targets
  .map(({ name }) => name)
  .filter(name => {
    return (
      options.target.length === 0 || options.target.some(wanted => name === wanted || name.startsWith(`${wanted}-`))
    );
  });
if (names.length === 0) throw new Error(`no such target; there are: ${targets.map(({ name }) => name).join(', ')}`);

const jobs = Math.max(1, Math.min(Number(options.jobs), names.length));
const found = new Map<string, number>();
const supervisors = Array.from({ length: jobs }, (_, job) => {
  return new Supervisor({
    seed: options.seed,
    targets: names.filter((_name, index) => index % jobs === job),
    seconds: Number(options.seconds),
    onFinding(target, { problem, why }, input) {
      found.set(target, (found.get(target) ?? 0) + 1);
      const file = keepFinding(target, input, `${problem}: ${why}`);
      console.log(`${target}: ${problem}: ${why}\n  ${input.length} bytes in ${file}`);
    },
  });
});
await Promise.all(supervisors.map(supervisor => supervisor.run()));

const progress = supervisors.flatMap(supervisor => supervisor.progress);
console.log(
  `${'target'.padEnd(28)} ${'executions'.padStart(11)} ${'accepted'.padStart(10)} ${'behaviours'.padStart(10)} ${'slowest ms'.padStart(10)} ${'findings'.padStart(8)}`,
);
for (const { target, executions, accepted, behaviours, slowest } of progress.toSorted((a, b) =>
  a.target < b.target ? -1 : 1,
)) {
  const columns = [executions, accepted, behaviours, slowest].map(column => String(column).padStart(10)).join(' ');
  console.log(`${target.padEnd(28)}  ${columns} ${String(found.get(target) ?? 0).padStart(8)}`);
}
const total = progress.reduce((sum, { executions }) => sum + executions, 0);
const findings = [...found.values()].reduce((sum, count) => sum + count, 0);
console.log(`${names.length} targets, ${total} executions, ${findings} findings`);

if (options.keep)
  for (const { target, samples } of supervisors.flatMap(supervisor => supervisor.samples))
    keepBehaviours(target, selectSamples(target, samples));
process.exitCode = findings > 0 ? 1 : 0;
