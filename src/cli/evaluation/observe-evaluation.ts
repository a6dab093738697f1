import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { displayBytes } from '../../base/index.ts';
import { type Evaluator, type ObservationOptions, statisticsOf } from '../../eval/index.ts';
import { formatJson } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { writeFully } from '../render/write-fully.ts';

/** How the settings and the environment have an evaluation looked at, and what they want to see of it. */
export class EvaluationObserver implements Disposable {
  /** Undefined where nobody looks: evaluation is quicker then. */
  readonly options: ObservationOptions | undefined;
  readonly #wantsStatistics: boolean;
  readonly #profile: number | undefined;

  constructor({ settings }: CommandContext) {
    this.#wantsStatistics = isOn('NIX_SHOW_STATS');
    const tracesCalls = settings.get('trace-function-calls');
    const wantsProfile = settings.get('eval-profiler') === 'flamegraph';
    if (!this.#wantsStatistics && !tracesCalls && !wantsProfile) return;
    if (wantsProfile) {
      const mode = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
      this.#profile = openSync(settings.get('eval-profile-file'), mode, 0o660);
    }
    const file = this.#profile;
    const frequency = BigInt(settings.get('eval-profiler-frequency'));
    const period = frequency === 0n ? 0n : 1_000_000_000n / frequency;
    const write = (line: string) => {
      if (file !== undefined) writeFully(file, Buffer.from(`${line}\n`));
    };
    this.options = { tracesCalls, flameGraph: wantsProfile ? { period, write } : undefined };
  }

  /** Shows what the evaluation has made and done, if that is asked for. */
  report(evaluator: Evaluator, { log }: CommandContext): void {
    const { observation } = evaluator;
    if (!this.#wantsStatistics || observation === undefined) return;
    const cpuTime = process.cpuUsage().user / 1_000_000;
    const listsCalls = isOn('NIX_COUNT_CALLS');
    const json = formatJson(statisticsOf(evaluator, { calls: observation.calls, listsCalls, cpuTime }), 2);
    const file = process.env['NIX_SHOW_STATS_PATH'] ?? '-';
    if (file === '-') log.log('error', displayBytes(json));
    else writeFileSync(file, `${displayBytes(json)}\n`);
  }

  [Symbol.dispose](): void {
    if (this.#profile !== undefined) closeSync(this.#profile);
  }
}

function isOn(variable: string): boolean {
  return (process.env[variable] ?? '0') !== '0';
}
