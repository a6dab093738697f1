import { MessageChannel, type MessagePort, type Worker, receiveMessageOnPort } from 'node:worker_threads';
import { byteStringFromText, displayBytes, startThread, unreachable } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { History } from './history.ts';
import type { Answer, Completer, Lines } from './lines.ts';
import type { TerminalMessage, TerminalRequest, TerminalSetup } from './terminal-thread-entry.ts';

/** Between two looks at whether the thread is still there, in milliseconds. */
const patience = 1000;

/** Lines that a user edits on the terminal, with those of earlier prompts at hand. */
export class TerminalLines implements Lines {
  readonly #history: History;
  readonly #port: MessagePort;
  readonly #messageCount = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  #hasEnded = false;

  /** Lines are kept in the file at `historyPath`. */
  constructor(historyPath: string, warn: (message: string) => void) {
    this.#history = new History(historyPath, warn);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const setup: TerminalSetup = {
      port: port2,
      messageCount: this.#messageCount.buffer,
      history: this.#history.newestFirst(),
    };
    this.#worker = startThread(import.meta.filename, 'terminal-thread-entry', {
      name: 'terminal',
      workerData: setup,
      transferList: [port2],
    });
    // Only who asks waits for it.
    this.#worker.unref();
    this.#worker.on('error', () => undefined);
  }

  ask(prompt: string, complete: Completer): Answer {
    if (this.#hasEnded) return { kind: 'end' };
    this.#post({ kind: 'ask', prompt });
    for (;;) {
      const message = this.#wait();
      switch (message.kind) {
        case 'line':
          this.#history.add(message.text);
          return { kind: 'line', text: byteStringFromText(message.text) };
        case 'complete':
          this.#post(completionsOf(message.typed, complete));
          break;
        case 'end':
          this.#hasEnded = true;
          return message;
        case 'interrupted':
          return message;
        default:
          return unreachable(message);
      }
    }
  }

  #wait(): TerminalMessage {
    for (;;) {
      const seen = Atomics.load(this.#messageCount, 0);
      const received: { readonly message: TerminalMessage } | undefined = receiveMessageOnPort(this.#port);
      if (received !== undefined) return received.message;
      Atomics.wait(this.#messageCount, 0, seen, patience);
      if (this.#worker.threadId < 0) throw new CliError('input/failed', 'the thread of the terminal has ended');
    }
  }

  #post(request: TerminalRequest): void {
    this.#port.postMessage(request, []);
  }

  [Symbol.dispose](): void {
    this.#post({ kind: 'close' });
    this.#port.unref();
    this.#hasEnded = true;
  }
}

function completionsOf(typed: string, complete: Completer): TerminalRequest {
  const { words, length } = complete(byteStringFromText(typed));
  const ending = Buffer.from(typed);
  const replaced = ending.subarray(ending.byteLength - length).toString();
  return { kind: 'completions', words: words.map(displayBytes), typed: replaced };
}
