import {
  type Activity,
  type ActivityResult,
  type ActivityStart,
  type ActivityType,
  type LazyText,
  type Reporter,
  type Verbosity,
  resolveText,
} from './activity.ts';
import type { ByteString } from './bytes.ts';

/**
 * Where reports end up, implemented by each way to show or pass them on. Nothing here may throw: progress never makes
 * work fail.
 */
export interface ReportSink {
  shows(level: Verbosity): boolean;
  /** Called for levels that it shows. */
  log(level: Verbosity, text: string): void;
  warn(text: string): void;
  logError(error: unknown): void;
  /** `id` is new; `parent` has started and not stopped, unless it belongs to work that outlives it. */
  startActivity(id: number, start: ActivityStart, parent: number | undefined): void;
  stopActivity(id: number): void;
  result(id: number, result: ActivityResult): void;
  suspend(): Disposable;
}

/** The reporter that speaks to `sink`. Activities are numbered from 0 in the order of their starts. */
export function createReporter(sink: ReportSink): Reporter {
  return new SinkReporter({ sink, started: 0 }, undefined);
}

/** What an activity shares with all below the same root. */
interface Root {
  readonly sink: ReportSink;
  started: number;
}

class SinkReporter implements Reporter {
  readonly root: Root;
  /** The activity that new ones are children of. */
  readonly id: number | undefined;

  constructor(root: Root, id: number | undefined) {
    this.root = root;
    this.id = id;
  }

  shows(level: Verbosity): boolean {
    return this.root.sink.shows(level);
  }

  log(level: Verbosity, message: LazyText): void {
    const { sink } = this.root;
    if (sink.shows(level)) sink.log(level, resolveText(message));
  }

  warn(message: string): void {
    this.root.sink.warn(message);
  }

  logError(error: unknown): void {
    this.root.sink.logError(error);
  }

  startActivity(start: ActivityStart): Activity {
    const id = this.root.started++;
    this.root.sink.startActivity(id, start, this.id);
    return new SinkActivity(this.root, id);
  }

  suspend(): Disposable {
    return this.root.sink.suspend();
  }
}

class SinkActivity extends SinkReporter implements Activity {
  declare readonly id: number;
  #ended = false;

  progress(done: number, expected = 0, running = 0, failed = 0): void {
    this.result({ type: 'progress', done, expected, running, failed });
  }

  setExpected(of: ActivityType, expected: number): void {
    this.result({ type: 'setExpected', of, expected });
  }

  logLine(line: ByteString): void {
    this.result({ type: 'buildLogLine', line });
  }

  result(result: ActivityResult): void {
    if (!this.#ended) this.root.sink.result(this.id, result);
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.root.sink.stopActivity(this.id);
  }
}
