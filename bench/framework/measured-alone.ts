import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sample } from './comparison.ts';
import { describeMachine } from './machine.ts';
import { median } from './statistics.ts';

/** What was measured of Firn alone, where no peer does the same in a time that can be waited for. */
export interface MeasuredAlone {
  readonly name: string;
  readonly title: string;
  readonly workload: string;
  readonly figures: readonly FigureAlone[];
}

export interface FigureAlone {
  /** What was run. */
  readonly of: string;
  readonly runs: readonly Sample[];
  /** Of the median, in seconds. */
  readonly timeBar?: number;
  /** Of the largest, in MB (10^6 bytes). */
  readonly memoryBar?: number;
}

/** Prints what came out, writes `<name>.json` into `folder` if one is given, and tells whether all bars were met. */
export function reportAlone({ name, title, workload, figures }: MeasuredAlone, folder: string | undefined): boolean {
  const shown = figures.map(({ of, runs, timeBar, memoryBar }) => {
    const seconds = Number((median(runs.map(({ wallMs }) => wallMs)) / 1000).toFixed(2));
    const processorSeconds = Number((median(runs.map(run => run.userMs + run.systemMs)) / 1000).toFixed(2));
    const memory = Math.round((Math.max(...runs.map(({ peakKiB }) => peakKiB)) * 1024) / 1e6);
    const met = seconds <= (timeBar ?? Infinity) && memory <= (memoryBar ?? Infinity);
    return { of, seconds, timeBar, processorSeconds, memory, memoryBar, met, runs };
  });
  console.log(title);
  for (const { of, seconds, timeBar, processorSeconds, memory, memoryBar, met } of shown) {
    const bars = [timeBar === undefined ? '' : `${timeBar} s`, memoryBar === undefined ? '' : `${memoryBar} MB`];
    const verdict =
      bars.join('') === '' ? 'no bar' : `${met ? 'meets' : 'MISSES'} ${bars.filter(Boolean).join(' and ')}`;
    console.log(`  ${of}: ${seconds} s, ${processorSeconds} s of processors, ${memory} MB (${verdict})`);
  }
  if (folder !== undefined) {
    const date = new Date().toISOString().slice(0, 10);
    const record = { name, title, workload, date, machine: describeMachine(undefined), figures: shown };
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(record, undefined, 2)}\n`);
  }
  return shown.every(({ met }) => met);
}
