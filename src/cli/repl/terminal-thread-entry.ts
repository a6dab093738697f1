/**
 * The thread that edits lines on the terminal for `TerminalLines`: the main thread waits meanwhile, perhaps in the midst
 * of an evaluation, and can do nothing else. A bundle has this file beside it.
 */
import { createInterface } from 'node:readline';
import { ReadStream, WriteStream } from 'node:tty';
import { type MessagePort, workerData } from 'node:worker_threads';
import { unreachable } from '../../base/index.ts';

/** What the thread starts with. */
export interface TerminalSetup {
  readonly port: MessagePort;
  /** One number of 32 bits, which grows with each message of the thread's and wakes whoever waits. */
  readonly messageCount: SharedArrayBuffer;
  /** Lines that can be called back, newest first. */
  readonly history: string[];
}

/** To the thread. */
export type TerminalRequest =
  | { readonly kind: 'ask'; readonly prompt: string }
  | { readonly kind: 'completions'; readonly words: string[]; readonly typed: string }
  | { readonly kind: 'close' };

/** From the thread. */
export type TerminalMessage =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'end' }
  | { readonly kind: 'complete'; readonly typed: string };

type Complete = (error: null, result: [words: string[], typed: string]) => void;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what TerminalLines starts this thread with
const { port, messageCount, history } = workerData as TerminalSetup;
const counter = new Int32Array(messageCount);
const input = new ReadStream(0);
const output = new WriteStream(1);
/** Lines that were there at once, as when several are pasted. */
const pending: TerminalMessage[] = [];
let isAsked = false;
let completing: Complete | undefined;

const editor = createInterface({
  input,
  output,
  history,
  historySize: Math.max(history.length, 1) + 1000,
  completer: (typed: string, callback: Complete) => {
    completing = callback;
    post({ kind: 'complete', typed });
  },
});
editor.pause();
editor.on('line', text => answer({ kind: 'line', text }));
editor.on('SIGINT', () => {
  output.write('^C\n');
  pending.length = 0;
  // Nothing of the line is left, on either side of the cursor.
  editor.write(null, { ctrl: true, name: 'u' });
  editor.write(null, { ctrl: true, name: 'k' });
  answer({ kind: 'interrupted' });
});
editor.on('close', () => answer({ kind: 'end' }));

port.on('message', (request: TerminalRequest) => {
  switch (request.kind) {
    case 'ask':
      ask(request.prompt);
      break;
    case 'completions':
      completing?.(null, [request.words, request.typed]);
      completing = undefined;
      break;
    case 'close':
      close();
      break;
    default:
      unreachable(request);
  }
});

function ask(prompt: string): void {
  const next = pending.shift();
  if (next !== undefined) return post(next);
  isAsked = true;
  input.setRawMode(true);
  editor.setPrompt(prompt);
  editor.prompt();
}

function answer(message: TerminalMessage): void {
  if (!isAsked) {
    if (message.kind !== 'interrupted') pending.push(message);
    return;
  }
  isAsked = false;
  // Until the next prompt the terminal is everybody's: Ctrl-C is a signal then.
  if (message.kind !== 'end') {
    editor.pause();
    input.setRawMode(false);
  }
  post(message);
}

function post(message: TerminalMessage): void {
  port.postMessage(message, []);
  Atomics.add(counter, 0, 1);
  Atomics.notify(counter, 0);
}

function close(): void {
  editor.removeAllListeners('close');
  editor.close();
  input.destroy();
  output.destroy();
  port.close();
}
