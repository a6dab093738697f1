import { unreachable } from '../../src/base/index.ts';
import { join } from 'node:path';
import { BenchError, type Comparison, type Contest, type Figure, type Sample, type Workspace } from './comparison.ts';
import { type Outcome, measure } from './measure.ts';
import { settle } from './settle.ts';
import { median, quantile } from './statistics.ts';

export interface FigureResult extends Figure {
  readonly value: number;
  /** The first and the third quartile of the pairs. */
  readonly quartiles: readonly [number, number];
  readonly met: boolean | undefined;
}

export interface SideResult {
  readonly command: string;
  readonly median: Sample;
  readonly runs: readonly Sample[];
}

export interface ComparisonResult {
  readonly sides: Readonly<Record<string, SideResult>>;
  readonly figures: readonly FigureResult[];
}

/**
 * Runs the sides in turn, A B A B, one round more than counts: the first warms up, and what the sides made in it must be
 * the same. Whatever slows the machine down for a while slows both sides of a pair.
 */
export async function compare(
  comparison: Comparison,
  workspace: Workspace,
  options: { readonly pairs: number; readonly progress: (text: string) => void },
): Promise<ComparisonResult> {
  const contest = await comparison.prepare(workspace);
  try {
    return await runContest(comparison, contest, { ...options, folder: workspace.folder });
  } finally {
    contest.close?.();
  }
}

async function runContest(
  comparison: Comparison,
  contest: Contest,
  options: { readonly pairs: number; readonly progress: (text: string) => void; readonly folder: string },
): Promise<ComparisonResult> {
  const names = Object.keys(contest.sides);
  const runs = new Map<string, Sample[]>(names.map(name => [name, []]));
  for (let round = 0; round <= options.pairs; round++) {
    const results = new Map<string, string>();
    for (const name of names) {
      options.progress(`round ${round} of ${options.pairs}: ${name}`);
      const fresh = join(options.folder, `${name.replaceAll(' ', '-')}-${round}`);
      settle(contest.inputs ?? [], 2 * comparison.bytesPerRun);
      const outcome = await runSide(contest, name, { fresh, warmUp: round === 0, folder: options.folder });
      if (round > 0) runs.get(name)?.push(outcome.sample);
      else results.set(name, await resultOf(contest, name, fresh, outcome));
    }
    requireAgreement(results);
  }
  const sides = Object.entries(contest.sides).map(([name, { command }]): [string, SideResult] => {
    const samples = runs.get(name) ?? [];
    return [name, { command, median: medianSample(samples), runs: samples }];
  });
  return { sides: Object.fromEntries(sides), figures: contest.figures.map(figure => evaluate(figure, runs)) };
}

async function runSide(
  { sides }: Contest,
  name: string,
  run: { readonly fresh: string; readonly warmUp: boolean; readonly folder: string },
): Promise<Outcome> {
  const side = sides[name];
  if (side === undefined) throw new TypeError(`no side ${name}`);
  const invocation = await side.invoke(run);
  const before = side.server?.();
  const outcome = measure(invocation, {
    record: join(run.folder, 'times'),
    consumer: run.warmUp ? 'sha256sum' : 'wc -c',
  });
  const after = side.server?.();
  if (before === undefined || after === undefined) return outcome;
  const server = { cpuMs: after.cpuMs - before.cpuMs, peakKiB: after.peakKiB };
  return { ...outcome, sample: { ...outcome.sample, server } };
}

async function resultOf({ sides }: Contest, name: string, fresh: string, outcome: Outcome): Promise<string> {
  return (await sides[name]?.result?.({ fresh }, outcome.stdout)) ?? outcome.stdout;
}

function requireAgreement(results: ReadonlyMap<string, string>): void {
  if (new Set(results.values()).size <= 1) return;
  const lines = [...results].map(([name, result]) => `${name}: ${result.trim()}`);
  throw new BenchError(`the sides do not do the same:\n${lines.join('\n')}`);
}

function medianSample(samples: readonly Sample[]): Sample {
  const of = (value: (sample: Sample) => number) => rounded(median(samples.map(value)), 1);
  const served = samples.some(({ server }) => server !== undefined);
  return {
    wallMs: of(({ wallMs }) => wallMs),
    userMs: of(({ userMs }) => userMs),
    systemMs: of(({ systemMs }) => systemMs),
    peakKiB: of(({ peakKiB }) => peakKiB),
    ...(served ? { server: { cpuMs: of(serverTime), peakKiB: of(serverPeak) } } : {}),
  };
}

function evaluate(figure: Figure, runs: ReadonlyMap<string, readonly Sample[]>): FigureResult {
  const others = figure.against === undefined ? [] : (runs.get(figure.against) ?? []);
  const values = (runs.get(figure.of) ?? []).map((sample, pair) => valueOf(figure, sample, others[pair]));
  const digits = figure.kind.endsWith('ratio') ? 3 : 1;
  const value = rounded(median(values), digits);
  const quartiles = [rounded(quantile(values, 0.25), digits), rounded(quantile(values, 0.75), digits)] as const;
  return { ...figure, value, quartiles, met: figure.bar === undefined ? undefined : value <= figure.bar };
}

function valueOf({ kind }: Figure, sample: Sample, other: Sample | undefined): number {
  if (kind === 'memory') return (sample.peakKiB * 1024) / 1e6;
  if (kind === 'server-memory') return (serverPeak(sample) * 1024) / 1e6;
  if (other === undefined) throw new TypeError(`a ${kind} needs two sides`);
  switch (kind) {
    case 'memory-ratio':
      return sample.peakKiB / other.peakKiB;
    case 'server-ratio':
      return serverTime(sample) / serverTime(other);
    case 'ratio':
      return sample.wallMs / other.wallMs;
    case 'difference':
      return sample.wallMs - other.wallMs;
    default:
      return unreachable(kind);
  }
}

function serverTime({ server }: Sample): number {
  return server?.cpuMs ?? Number.NaN;
}

function serverPeak({ server }: Sample): number {
  return server?.peakKiB ?? Number.NaN;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
