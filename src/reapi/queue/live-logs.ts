import { randomUUID } from 'node:crypto';
import type { OutputStream } from '../../exec/index.ts';
import { LiveLog } from './live-log.ts';

/** Of actions that have ended: clients may come to their logs a moment too late. */
const keptEnded = 64;

/** The logs of one action while it is executed. */
export interface ActionLogs {
  /** Resource names. */
  readonly names: Readonly<Record<OutputStream, string>>;
  write(chunk: Uint8Array, stream: OutputStream): void;
  end(): void;
}

/** A log that somebody wants to read, and in which instance it is. */
export interface FoundLog {
  readonly instance: string;
  readonly log: LiveLog;
}

/** The logs of what is executed, by their resource names: `[instance/]logstreams/UUID/stdout`. */
export class LiveLogs {
  readonly #logs = new Map<string, FoundLog>();
  readonly #ended: (readonly string[])[] = [];

  open(instance: string): ActionLogs {
    const prefix = `${instance === '' ? '' : `${instance}/`}logstreams/${randomUUID()}`;
    const names = { stdout: `${prefix}/stdout`, stderr: `${prefix}/stderr` };
    const logs = { stdout: new LiveLog(), stderr: new LiveLog() };
    for (const stream of ['stdout', 'stderr'] as const) this.#logs.set(names[stream], { instance, log: logs[stream] });
    return {
      names,
      write: (chunk, stream) => logs[stream].write(chunk),
      end: () => {
        logs.stdout.end();
        logs.stderr.end();
        this.#retire(Object.values(names));
      },
    };
  }

  #retire(names: readonly string[]): void {
    this.#ended.push(names);
    if (this.#ended.length <= keptEnded) return;
    for (const name of this.#ended.shift() ?? []) this.#logs.delete(name);
  }

  find(name: string): FoundLog | undefined {
    return this.#logs.get(name);
  }
}
