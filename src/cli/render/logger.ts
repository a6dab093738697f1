import { appendFileSync } from 'node:fs';
import { CliError } from '../error.ts';
import { filterEscapes, magenta, normal } from './ansi.ts';
import { isTerminal } from './is-terminal.ts';
import { writeFully } from './write-fully.ts';

/** How important a message is; those above the logger's verbosity are not shown. */
export const verbosities = ['error', 'warn', 'notice', 'info', 'talkative', 'chatty', 'debug', 'vomit'] as const;

export type Verbosity = (typeof verbosities)[number];

export type LogFormat = 'raw' | 'raw-with-logs' | 'internal-json' | 'bar' | 'bar-with-logs';

const logFormats: readonly LogFormat[] = ['raw', 'raw-with-logs', 'internal-json', 'bar', 'bar-with-logs'];

/** Throws `usage/bad-value`. */
export function parseLogFormat(text: string): LogFormat {
  const format = logFormats.find(known => known === text);
  if (format !== undefined) return format;
  throw new CliError('output/unknown-format', `option 'log-format' has an invalid value '${text}'`);
}

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

const stderr = 2;

interface LoggerOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Called before something is written, so that both outputs stay in order where they end up in one file. */
  readonly beforeWrite: () => void;
}

/** Writes messages to standard error. Failures to do so are ignored: there is nobody to tell. */
export class Logger {
  verbosity: Verbosity = 'info';
  format: LogFormat = 'raw';
  /** A file that gets every message as JSON, too. */
  jsonLogPath: string | undefined;
  /** Whether standard error shows colours. */
  readonly colours: boolean;
  readonly #inSystemd: boolean;
  readonly #beforeWrite: () => void;

  constructor({ variables, beforeWrite }: LoggerOptions) {
    const plain = (variables['TERM'] ?? 'dumb') === 'dumb' || 'NO_COLOR' in variables || 'NOCOLOR' in variables;
    this.colours = !plain && isTerminal(stderr);
    this.#inSystemd = variables['IN_SYSTEMD'] === '1';
    this.#beforeWrite = beforeWrite;
  }

  /** Shows one step more or less of what happens. */
  changeVerbosity(steps: number): void {
    const at = verbosities.indexOf(this.verbosity) + steps;
    this.verbosity = verbosities[Math.max(0, Math.min(at, verbosities.length - 1))] ?? 'info';
  }

  warn(message: string): void {
    this.log('warn', `${magenta}warning:${normal} ${message}`);
  }

  /** `text` may have colours. `fields` are what the JSON form says beside it. */
  log(level: Verbosity, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const json = () => toJson({ action: 'msg', level: verbosities.indexOf(level), msg: text, ...fields });
    if (this.jsonLogPath !== undefined) appendQuietly(this.jsonLogPath, `${json()}\n`);
    if (this.format === 'internal-json') {
      this.#write(`@nix ${json()}\n`);
    } else if (verbosities.indexOf(level) <= verbosities.indexOf(this.verbosity)) {
      const priority = this.#inSystemd ? `<${priorities[level]}>` : '';
      this.#write(`${priority}${filterEscapes(text, this.colours)}\n`);
    }
  }

  #write(text: string): void {
    this.#beforeWrite();
    try {
      writeFully(stderr, Buffer.from(text));
    } catch {
      // Nobody reads our messages.
    }
  }
}

/** With the keys in order, as C++ Nix writes them. */
function toJson(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

function appendQuietly(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch {
    // As with standard error.
  }
}
