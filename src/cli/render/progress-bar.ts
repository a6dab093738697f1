import {
  type ActivityResult,
  type ActivityStart,
  type Verbosity,
  displayBytes,
  resolveText,
} from '../../base/index.ts';
import { eraseBelow, eraseLine, faint, filterEscapes, normal } from './ansi.ts';
import { fitWidth } from './fit-width.ts';
import type { LogView, ShownError } from './log-view.ts';
import { ProgressState } from './progress-state.ts';
import { progressTree } from './progress-tree.ts';
import { statusText } from './status-text.ts';

/** A terminal that has some lines to spare. */
export interface ProgressTerminal {
  /** Writes as it is. */
  write(text: string): void;
  /** Columns; 0 where nobody knows. Asked for each drawing, as windows change, like `height`. */
  width(): number;
  /** Rows; 0 where nobody knows. */
  height(): number;
}

export interface Clock {
  /** Milliseconds since whenever. */
  now(): number;
  /** Calls `callback` once, later, unless disposed of before. It must not keep the process alive. */
  after(milliseconds: number, callback: () => void): Disposable;
}

export interface ProgressBarOptions {
  /** Writes a message as a line. */
  readonly writeMessage: (line: string) => void;
  /** Undefined: messages alone are shown. */
  readonly terminal: ProgressTerminal | undefined;
  readonly clock: Clock;
  readonly shows: (level: Verbosity) => boolean;
}

/** Milliseconds from one drawing to the next at least, and to the first: what is over sooner shows no bar. */
const interval = 50;

/** Milliseconds after which times that are shown have become wrong. */
const second = 1000;

/**
 * `bar` and `bar-with-logs`: messages and, where there is a terminal, below them one line that says what goes on, or
 * several where that is several things. They are drawn when something changed, at once if there was no drawing for a
 * while, so that they move even where work leaves timers no turn.
 */
export class ProgressBar implements LogView {
  readonly #options: ProgressBarOptions;
  readonly #state = new ProgressState();
  /** Whether what builders write is shown in full. */
  buildLogs = false;
  /** What the terminal shows; empty if it is nothing. */
  #drawn = '';
  /** Lines of it above that of the cursor. */
  #drawnAbove = 0;
  #drawnAt: number;
  #timer: Disposable | undefined;
  /** When the timer ends, by the clock. */
  #drawingAt = 0;
  /** How many want the line to stay empty. */
  #suspensions = 0;
  /** Whether the cursor is behind something that is not ours. */
  #inForeignLine = false;
  #closed = false;

  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.#drawnAt = options.clock.now();
  }

  log(level: Verbosity, text: string): void {
    if (this.#options.shows(level)) this.#message(text);
  }

  logError({ text }: ShownError): void {
    this.#message(text);
  }

  startActivity(id: number, start: ActivityStart, parent: number | undefined): void {
    const { level = 'error', type } = start;
    if (type !== 'buildWaiting' && this.#options.shows(level)) {
      const text = resolveText(start.text);
      if (text !== '') this.#message(`${text}...`);
    }
    this.#state.start(id, start, parent, this.#options.clock.now());
    this.#changed();
  }

  stopActivity(id: number): void {
    this.#state.stop(id);
    this.#changed();
  }

  result(id: number, result: ActivityResult): void {
    if (this.buildLogs && (result.type === 'buildLogLine' || result.type === 'postBuildLogLine')) {
      const suffix = result.type === 'buildLogLine' ? '> ' : ' (post)> ';
      const name = this.#state.buildName(id) ?? 'unnamed';
      this.#message(`${faint}${name}${suffix}${normal}${displayBytes(result.line).replace(/[\r\n]+$/, '')}`);
      return;
    }
    this.#state.result(id, result);
    this.#changed();
  }

  /** Takes the line off the terminal; it is not drawn before the result is disposed of. */
  suspend(): Disposable {
    this.#suspensions++;
    this.#erase();
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#suspensions--;
        this.#changed();
      },
    };
  }

  /** Takes the line off the terminal for what somebody else is about to write, and keeps it off while that ends within a line. */
  makeRoom(endsLine: boolean): void {
    this.#inForeignLine = !endsLine;
    this.#erase();
    this.#drawnAt = this.#options.clock.now();
    this.#changed();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#erase();
  }

  #erase(): void {
    if (this.#drawn === '') return;
    this.#drawn = '';
    this.#options.terminal?.write(this.#toTop() === '' ? eraseLine : `\r${this.#toTop()}${eraseBelow}`);
    this.#drawnAbove = 0;
  }

  /** Moves the cursor into the first line of what is drawn. */
  #toTop(): string {
    return this.#drawnAbove === 0 ? '' : `\u001b[${this.#drawnAbove}A`;
  }

  #message(text: string): void {
    const wasDrawn = this.#drawn !== '';
    this.#erase();
    // What a builder leaves switched on must not colour what follows.
    const hasColours = this.#options.terminal !== undefined && !this.#closed && text.includes('\u001b');
    this.#options.writeMessage(hasColours ? `${text}${normal}` : text);
    this.#inForeignLine = false;
    if (wasDrawn) this.#draw();
    else this.#changed();
  }

  get #mayDraw(): boolean {
    return !this.#closed && this.#suspensions === 0 && !this.#inForeignLine;
  }

  #changed(): void {
    const { clock, terminal } = this.#options;
    if (terminal === undefined || !this.#mayDraw) return;
    const rest = this.#drawnAt + interval - clock.now();
    if (rest <= 0) this.#draw();
    else this.#drawIn(rest);
  }

  /** Unless a drawing comes sooner. */
  #drawIn(milliseconds: number): void {
    const { clock } = this.#options;
    const at = clock.now() + milliseconds;
    if (this.#timer !== undefined && this.#drawingAt <= at) return;
    this.#timer?.[Symbol.dispose]();
    this.#drawingAt = at;
    this.#timer = clock.after(milliseconds, () => {
      this.#timer = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    const { clock, terminal } = this.#options;
    if (terminal === undefined || !this.#mayDraw) return;
    const now = clock.now();
    this.#drawnAt = now;
    const lines = this.#lines(now);
    if (lines.length === 0) return this.#erase();
    const width = terminal.width();
    const drawing = lines.map(line => `${width > 0 ? fitWidth(line, width) : line}${normal}\u001b[K`).join('\n');
    // The same again would disturb whoever selects text.
    if (drawing === this.#drawn) return;
    const isLower = lines.length - 1 < this.#drawnAbove;
    terminal.write(`\r${this.#toTop()}${drawing}${isLower ? eraseBelow : ''}`);
    this.#drawn = drawing;
    this.#drawnAbove = lines.length - 1;
  }

  /** What is to be seen, from the top; the next drawing is arranged for where time alone changes it. */
  #lines(now: number): string[] {
    const status = statusText(this.#state);
    const tree = progressTree(this.#state, now, this.#options.terminal?.height() ?? 0);
    const { text, nextAt } = this.#state.latest(now);
    if (tree.length > 0) this.#drawIn(second);
    else if (nextAt < Infinity) this.#drawIn(Math.max(nextAt - now, 0) + 1);
    const bracketed = status === '' ? '' : `[${status}]`;
    const head = tree.length > 0 ? bracketed : `${bracketed}${text === '' ? '' : ` ${text}`}`;
    return [head, ...tree].map(firstLine).filter(line => line !== '');
  }
}

/** Of a text that somebody else has made. */
function firstLine(text: string): string {
  const [line = ''] = filterEscapes(text, true).trim().split('\n');
  return line;
}
