import {
  type ActivityResult,
  type ActivityStart,
  type Verbosity,
  displayBytes,
  resolveText,
} from '../../base/index.ts';
import type { LogView, ShownError } from './log-view.ts';

// The numbers by which systemd's journal knows syslog's priorities.
const priorities: Readonly<Record<Verbosity, number>> = {
  error: 3,
  warn: 4,
  notice: 5,
  info: 5,
  talkative: 6,
  chatty: 6,
  debug: 7,
  vomit: 7,
};

export interface PlainLogOptions {
  readonly writeLine: (line: string) => void;
  readonly shows: (level: Verbosity) => boolean;
  /** Whether what builders write is shown. */
  readonly buildLogs: boolean;
  /** Whether lines get the prefix by which systemd knows their priority. */
  readonly priorities: boolean;
}

/** `raw` and `raw-with-logs`: one line for what happens, none for how far it is. */
export class PlainLog implements LogView {
  readonly #options: PlainLogOptions;

  constructor(options: PlainLogOptions) {
    this.#options = options;
  }

  get buildLogs(): boolean {
    return this.#options.buildLogs;
  }

  log(level: Verbosity, text: string): void {
    if (!this.#options.shows(level)) return;
    this.#options.writeLine(`${this.#options.priorities ? `<${priorities[level]}>` : ''}${text}`);
  }

  logError({ text }: ShownError): void {
    this.log('error', text);
  }

  startActivity(_id: number, { level = 'error', text }: ActivityStart): void {
    if (!this.#options.shows(level)) return;
    const resolved = resolveText(text);
    if (resolved !== '') this.log(level, `${resolved}...`);
  }

  stopActivity(): void {}

  result(_id: number, result: ActivityResult): void {
    if (!this.#options.buildLogs) return;
    if (result.type === 'buildLogLine') this.log('error', displayBytes(result.line));
    if (result.type === 'postBuildLogLine') this.log('error', `post-build-hook: ${displayBytes(result.line)}`);
  }

  close(): void {}
}
