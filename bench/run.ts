/**
 * Compares Firn with C++ Nix, and writes down what came out in bench/results.
 *
 *     PEER_BINDIR=/path/to/nix/bin npm run bench [-- [--pairs N] [--folder DIR] [--no-record] NAME...]
 *
 * NAME is one of `import`, `dump`, `restore`, `hash`, `path-info`, `daemon-path-info`, `daemon-copy`, `serve-closure`, `start-up`, `substitute`, `copy`, `far-copy`, `gc`, `verify`, `builds`, `chain`, `built`, `plan`, `dynamic`, `lock-plan`, `execution-just`, `execution-casd`, `cached-bazel-build`, `fib`,
 * `sort`, or, of the nixpkgs that NIXPKGS names (20.09, where it is evaluated), `parse`, `hello`, `nixos`, `packages`, `jobs`; all of
 * them unless given. Workloads and results are made in a new folder within DIR (the system's folder for temporary files
 * unless given). `execution-just`, `execution-casd` and `cached-bazel-build` need buildbox-casd, justbuild and bazel, which the words of PEER_RUNNER run
 * where they are another system's; `serve-closure` needs nginx, which NGINX names. Ends with status 1 when a bar is missed or a comparison could not be made.
 */
import { mkdtempSync, realpathSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeTree } from '../src/castore/index.ts';
import {
  builtComparison,
  chainedBuildsComparison,
  independentBuildsComparison,
  planComparison,
} from './comparisons/build.ts';
import { cachedBazelBuildComparison } from './comparisons/cached-bazel-build.ts';
import { copyComparison } from './comparisons/copy.ts';
import { daemonCopyComparison } from './comparisons/daemon-copy.ts';
import { daemonPathInfoComparison } from './comparisons/daemon-path-info.ts';
import { dynamicBuildsComparison } from './comparisons/dynamic.ts';
import { dumpComparison } from './comparisons/dump.ts';
import {
  fibComparison,
  helloAgainComparison,
  helloComparison,
  jobsComparison,
  nixosAgainComparison,
  nixosComparison,
  packagesComparison,
  sortComparison,
} from './comparisons/evaluate.ts';
import { executionBesideCasdComparison, executionBesideJustComparison } from './comparisons/execution.ts';
import { farCopyComparison } from './comparisons/far-copy.ts';
import { gcComparison } from './comparisons/gc.ts';
import { hashComparison } from './comparisons/hash.ts';
import { importComparison } from './comparisons/import.ts';
import { lockPlanComparison } from './comparisons/lock-plan.ts';
import { pathInfoComparison } from './comparisons/path-info.ts';
import { parseComparison } from './comparisons/parse.ts';
import { restoreComparison } from './comparisons/restore.ts';
import { serveClosureComparison } from './comparisons/serve-closure.ts';
import { startUpComparison } from './comparisons/start-up.ts';
import { substituteComparison } from './comparisons/substitute.ts';
import { verifyComparison } from './comparisons/verify.ts';
import { compare } from './framework/compare.ts';
import { BenchError, type Comparison } from './framework/comparison.ts';
import { describeMachine } from './framework/machine.ts';
import { formatResult, writeRecord } from './framework/report.ts';
import { makeWorkspace, peerFolder } from './framework/workspace.ts';

const comparisons: ReadonlyMap<string, Comparison> = new Map([
  ['start-up', startUpComparison],
  ['hash', hashComparison],
  ['dump', dumpComparison],
  ['import', importComparison],
  ['restore', restoreComparison],
  ['parse', parseComparison],
  ['hello', helloComparison],
  ['nixos', nixosComparison],
  ['hello-again', helloAgainComparison],
  ['nixos-again', nixosAgainComparison],
  ['packages', packagesComparison],
  ['jobs', jobsComparison],
  ['fib', fibComparison],
  ['sort', sortComparison],
  ['gc', gcComparison],
  ['path-info', pathInfoComparison],
  ['daemon-copy', daemonCopyComparison],
  ['daemon-path-info', daemonPathInfoComparison],
  ['serve-closure', serveClosureComparison],
  ['substitute', substituteComparison],
  ['copy', copyComparison],
  ['far-copy', farCopyComparison],
  ['verify', verifyComparison],
  ['builds', independentBuildsComparison],
  ['chain', chainedBuildsComparison],
  ['built', builtComparison],
  ['plan', planComparison],
  ['dynamic', dynamicBuildsComparison],
  ['lock-plan', lockPlanComparison],
  ['execution-just', executionBesideJustComparison],
  ['execution-casd', executionBesideCasdComparison],
  ['cached-bazel-build', cachedBazelBuildComparison],
]);
const results = join(import.meta.dirname, 'results');

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
      'no-record': { type: 'boolean', default: false },
    },
  });
  const chosen = choose(positionals);
  const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
  if (pairs !== undefined && !(Number.isInteger(pairs) && pairs > 0)) throw new BenchError('--pairs takes a number');
  const pairsOf = (comparison: Comparison) => pairs ?? comparison.pairs;
  requireSpace(values.folder, chosen, pairsOf);
  const folder = mkdtempSync(join(realpathSync(values.folder), 'firn-bench-'));
  let status = 0;
  try {
    for (const [name, comparison] of chosen) {
      try {
        const machine = describeMachine(peerFolder());
        const progress = (text: string) => showProgress(`${name}: ${text}`);
        const workspace = makeWorkspace(join(folder, name));
        const result = await compare(comparison, workspace, { pairs: pairsOf(comparison), progress });
        showProgress('');
        console.log(`${formatResult(comparison, result)}\n`);
        if (!values['no-record']) writeRecord(results, name, comparison, { machine, result });
        if (result.figures.some(({ met }) => met === false)) status = 1;
      } catch (error) {
        if (!(error instanceof BenchError)) throw error;
        showProgress('');
        console.error(`${name}: ${error.message}\n`);
        status = 1;
      }
    }
  } finally {
    showProgress('removing what was made');
    // Not earlier: for minutes ext4 hands out no inode that was just freed and looks at each of them to find another,
    // so that making 10,000 files takes five times as long as before 10,000 were removed.
    removeTree(folder);
    showProgress('');
  }
  return status;
}

function choose(names: readonly string[]): [string, Comparison][] {
  if (names.length === 0) return [...comparisons];
  return names.map(name => {
    const comparison = comparisons.get(name);
    if (comparison === undefined)
      throw new BenchError(`no comparison is called '${name}'; there are ${[...comparisons.keys()].join(', ')}`);
    return [name, comparison];
  });
}

function requireSpace(
  folder: string,
  chosen: readonly [string, Comparison][],
  pairsOf: (comparison: Comparison) => number,
): void {
  const inputs = 2e9;
  const mostSides = 3;
  const needed = chosen.reduce((sum, [, one]) => sum + inputs + mostSides * one.bytesPerRun * (pairsOf(one) + 1), 0);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  const gigabytes = (needed / 1e9).toFixed(0);
  throw new BenchError(
    `'${folder}' has less than the ${gigabytes} GB that are needed: choose another with --folder, or fewer --pairs`,
  );
}

/** On a terminal, in a line that the next one replaces. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
