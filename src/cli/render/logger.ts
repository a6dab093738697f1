import {
  type Activity,
  type ActivityStart,
  type LazyText,
  type ReportSink,
  type Reporter,
  type Verbosity,
  createReporter,
  encodeDisplayed,
  unreachable,
  verbosities,
  verbosityRank,
} from '../../base/index.ts';
import { CliError } from '../error.ts';
import { filterEscapes, magenta, normal } from './ansi.ts';
import { formatError } from './format-error.ts';
import { isTerminal } from './is-terminal.ts';
import { JsonLog } from './json-log.ts';
import { openLineOutput } from './line-output.ts';
import type { LogView } from './log-view.ts';
import { PlainLog } from './plain-log.ts';
import { type Clock, ProgressBar, type ProgressTerminal } from './progress-bar.ts';
import { writeFully } from './write-fully.ts';

export type LogFormat = 'raw' | 'raw-with-logs' | 'internal-json' | 'bar' | 'bar-with-logs';

export const logFormats: readonly LogFormat[] = ['raw', 'raw-with-logs', 'internal-json', 'bar', 'bar-with-logs'];

/** Throws `output/unknown-format`. */
export function parseLogFormat(text: string): LogFormat {
  const format = logFormats.find(known => known === text);
  if (format !== undefined) return format;
  throw new CliError('output/unknown-format', `option 'log-format' has an invalid value '${text}'`);
}

const stderr = 2;

interface LoggerOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Called before a message is written, so that both outputs stay in order where they end up in one file. */
  readonly beforeWrite: () => void;
}

/**
 * The reporter of an invocation: shows what it is told on standard error, in the format that was asked for. Failures to
 * write are ignored: there is nobody to tell.
 */
export class Logger implements Reporter {
  verbosity: Verbosity = 'info';
  /** Whether the traces of errors are shown in full. */
  showTrace = false;
  /** Whether standard error is a terminal that shows colours, and with `bar` progress. */
  readonly colours: boolean;
  readonly #inSystemd: boolean;
  readonly #beforeWrite: () => void;
  readonly #reporter: Reporter;
  /** Lines that are still to be written. */
  #gathered: string[] | undefined;
  #view: LogView;
  /** The view, if it is one. */
  #bar: ProgressBar | undefined;
  /** Where everything goes as JSON, too. */
  #copy: LogView | undefined;

  constructor({ variables, beforeWrite }: LoggerOptions) {
    const plain = (variables['TERM'] ?? 'dumb') === 'dumb' || 'NO_COLOR' in variables || 'NOCOLOR' in variables;
    this.colours = !plain && isTerminal(stderr);
    this.#inSystemd = variables['IN_SYSTEMD'] === '1';
    this.#beforeWrite = beforeWrite;
    this.#view = this.#makeView('raw-with-logs');
    this.#reporter = createReporter(this.#makeSink());
  }

  /** What goes on is forgotten: formats are chosen before anything starts. */
  set format(format: LogFormat) {
    this.#view.close();
    this.#view = this.#makeView(format);
  }

  /** Shows one step more or less of what happens. */
  changeVerbosity(steps: number): void {
    const at = verbosityRank(this.verbosity) + steps;
    this.verbosity = verbosities[Math.max(0, Math.min(at, verbosities.length - 1))] ?? 'info';
  }

  /** Whether what builders write is shown in full. */
  get showsBuildLogs(): boolean {
    return this.#view.buildLogs || this.#copy !== undefined;
  }

  /** Shows what builders write in full, where the format is `bar`. */
  showBuildLogs(): void {
    if (this.#bar !== undefined) this.#bar.buildLogs = true;
  }

  /** Has everything written to the file or Unix socket at `path` too, as JSON. That it cannot be is no more than said. */
  copyTo(path: string): void {
    this.#copy?.close();
    this.#copy = undefined;
    try {
      this.#copy = new JsonLog(openLineOutput(path), process.pid);
    } catch (error) {
      this.log('error', `error (ignored): ${formatError(error, this.showTrace).text}`);
    }
  }

  shows(level: Verbosity): boolean {
    return verbosityRank(level) <= verbosityRank(this.verbosity);
  }

  log(level: Verbosity, message: LazyText): void {
    this.#reporter.log(level, message);
  }

  /** Writes what `work` logs when it returns: of thousands of lines, writing each takes longer than all else. */
  logTogether(work: () => void): void {
    if (this.#gathered !== undefined) return work();
    const lines: string[] = [];
    this.#gathered = lines;
    try {
      work();
    } finally {
      this.#gathered = undefined;
      if (lines.length > 0) this.#writeLine(lines.join('\n'));
    }
  }

  warn(message: string): void {
    this.#reporter.warn(message);
  }

  logError(error: unknown): void {
    this.#reporter.logError(error);
  }

  startActivity(start: ActivityStart): Activity {
    return this.#reporter.startActivity(start);
  }

  suspend(): Disposable {
    return this.#reporter.suspend();
  }

  /** To be called before standard output is written to a terminal. `endsLine`: whether that ends with a line's end. */
  makeRoom(endsLine: boolean): void {
    this.#bar?.makeRoom(endsLine);
  }

  /** Takes progress off the terminal for good; messages go on. */
  stopProgress(): void {
    this.#bar?.close();
  }

  /** Takes progress off the terminal and ends the copy. Messages go on. */
  close(): void {
    this.stopProgress();
    this.#copy?.close();
    this.#copy = undefined;
  }

  #makeSink(): ReportSink {
    const each = (show: (view: LogView) => void): void => {
      show(this.#view);
      if (this.#copy !== undefined) show(this.#copy);
    };
    return {
      shows: level => this.shows(level),
      log: (level, text) => each(view => view.log(level, text)),
      warn: text => each(view => view.log('warn', `${magenta}warning:${normal} ${text}`)),
      logError: error => {
        const shown = formatError(error, this.showTrace);
        each(view => view.logError(shown));
      },
      startActivity: (id, start, parent) => each(view => view.startActivity(id, start, parent)),
      stopActivity: id => each(view => view.stopActivity(id)),
      result: (id, result) => each(view => view.result(id, result)),
      suspend: () => this.#bar?.suspend() ?? { [Symbol.dispose]: () => {} },
    };
  }

  #makeView(format: LogFormat): LogView {
    this.#bar = undefined;
    const shows = (level: Verbosity): boolean => this.shows(level);
    const writeLine = (line: string): void => this.#writeLine(line);
    switch (format) {
      case 'raw':
      case 'raw-with-logs':
        return new PlainLog({
          writeLine: line => this.#writeLine(filterEscapes(line, this.colours)),
          shows,
          buildLogs: format === 'raw-with-logs',
          priorities: this.#inSystemd,
        });
      case 'internal-json':
        return new JsonLog({ writeLine: line => this.#writeLine(`@nix ${line}`), close: () => {} }, process.pid);
      case 'bar':
      case 'bar-with-logs': {
        const terminal = this.colours ? standardErrorTerminal : undefined;
        const writeMessage = (text: string): void => writeLine(filterEscapes(text, this.colours));
        this.#bar = new ProgressBar({ writeMessage, terminal, clock: systemClock, shows });
        this.#bar.buildLogs = format === 'bar-with-logs';
        return this.#bar;
      }
      default:
        return unreachable(format);
    }
  }

  #writeLine(line: string): void {
    if (this.#gathered !== undefined) {
      this.#gathered.push(line);
      return;
    }
    this.#beforeWrite();
    writeQuietly(`${line}\n`);
  }
}

const standardErrorTerminal: ProgressTerminal = {
  write: writeQuietly,
  // Follows the window through SIGWINCH.
  width: () => process.stderr.columns,
  height: () => process.stderr.rows,
};

const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

function writeQuietly(text: string): void {
  try {
    writeFully(stderr, encodeDisplayed(text));
  } catch {
    // Nobody reads our messages.
  }
}
