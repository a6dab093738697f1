import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { BenchError, type Invocation, type Sample } from './comparison.ts';

export interface Outcome {
  readonly sample: Sample;
  readonly stdout: string;
}

export interface MeasureOptions {
  /** A file that is written meanwhile. */
  readonly record: string;
  /** What reads a `pipe`, as a shell knows it. */
  readonly consumer: string;
}

/**
 * Runs a program to its end, below GNU time: wait4(2) counts every descendant that was waited for, and a small parent
 * matters, since a new process is charged with the resident memory of the one that it was forked from.
 */
export function measure(invocation: Invocation, { record, consumer }: MeasureOptions): Outcome {
  const { argv, env = {}, stdin, stdout = 'capture' } = invocation;
  const timed = [gnuTime, '--format=%U %S %M', `--output=${record}`, ...argv];
  const [program = '', ...args] = stdout === 'pipe' ? ['sh', '-c', `"$@" | ${consumer}`, 'sh', ...timed] : timed;
  const input = stdin === undefined ? undefined : openSync(stdin, 'r');
  try {
    const start = performance.now();
    const ended = spawnSync(program, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: [input ?? 'ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    const wallMs = performance.now() - start;
    if (ended.error !== undefined) throw new BenchError(explainStart(ended.error));
    const times = readFileSync(record, 'utf8').trimEnd();
    // Anything but the three figures is what GNU time says of a status that is not 0.
    const [, user, system, peak] = /^([\d.]+) ([\d.]+) (\d+)$/.exec(times) ?? [];
    if (ended.status !== 0 || user === undefined)
      throw new BenchError(`${argv.join(' ')} failed: ${times}\n${ended.stderr}`);
    const sample = { wallMs, userMs: Number(user) * 1000, systemMs: Number(system) * 1000, peakKiB: Number(peak) };
    return { sample, stdout: ended.stdout };
  } finally {
    if (input !== undefined) closeSync(input);
  }
}

const gnuTime = process.platform === 'linux' ? 'time' : 'gtime';

function explainStart(error: Error): string {
  const absent = 'code' in error && error.code === 'ENOENT';
  return absent ? `${gnuTime} is not installed: GNU time measures the runs (Debian: apt install time)` : error.message;
}
