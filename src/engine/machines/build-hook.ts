import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import {
  type Reporter,
  type Verbosity,
  byteStringFromText,
  byteStringOf,
  displayBytes,
  errnoOf,
  systemErrorText,
  verbosityRank,
} from '../../base/index.ts';
import {
  type MachineNeeds,
  type OutputName,
  type StoreDir,
  type StorePath,
  WireWriter,
  writeStorePath,
  writeStorePaths,
  writeStrings,
} from '../../nix-compat/index.ts';
import { exitText } from '../build/exit-text.ts';
import { LineSplitter } from '../build/line-splitter.ts';
import { LogMessages } from '../build/log-messages.ts';
import { EngineError } from '../error.ts';

export interface BuildHookOptions {
  /** The program, looked up in PATH unless it has a slash, and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly verbosity: Verbosity;
  /** Names and values, as `nix.conf` has them. */
  readonly settings: Iterable<readonly [string, string]>;
  readonly storeDir: StoreDir;
}

/** A derivation that a hook is asked to build. */
export interface HookRequest {
  readonly path: StorePath;
  readonly needs: MachineNeeds;
  /** Whether we could build something ourselves now. */
  readonly isWilling: boolean;
}

/** `died`: there is no hook any more, which has been reported. */
export type HookReply =
  | { readonly kind: 'decline' | 'decline-permanently' | 'postpone' | 'died' }
  | { readonly kind: 'accept'; readonly machine: string };

export interface HookBuild {
  /** The closure of the inputs. */
  readonly inputs: Iterable<StorePath>;
  /** Outputs that are to be made valid. */
  readonly wanted: Iterable<OutputName>;
}

/** A program's standard streams are 0 to 2; what a builder writes comes by this descriptor. */
const logDescriptor = 4;

/** Somebody waits for an answer, which for `accept` takes two lines. */
interface Waiting {
  isAccepted: boolean;
  /** With nothing where the hook has ended. */
  readonly settle: (answer: Answer | undefined) => void;
}

interface Answer {
  readonly reply: string;
  readonly machine?: string;
}

/**
 * A program that has derivations built for us (the setting `build-hook`), as C++ Nix speaks with it: requests and settings go
 * to its standard input; it answers by lines of standard error that begin with `# `, among messages in JSON, and logs come by
 * descriptor 4. It takes one build, and ends with it.
 */
export class BuildHook implements AsyncDisposable {
  readonly #storeDir: StoreDir;
  readonly #child: ChildProcess;
  /** How it has ended, once all that it wrote is read. */
  readonly #ended: Promise<string | undefined>;
  #reporter: Reporter | undefined;
  #messages: LogMessages | undefined;
  /** Undefined while nobody asks. */
  #waiting: Waiting | undefined;
  #passLog: ((chunk: Uint8Array) => void) | undefined;
  #hasEnded = false;

  private constructor(child: ChildProcess, storeDir: StoreDir) {
    this.#child = child;
    this.#storeDir = storeDir;
    for (const stream of [child.stdout, child.stderr]) {
      const lines = new LineSplitter(line => this.#takeLine(line));
      stream?.on('data', (chunk: Uint8Array) => lines.write(chunk));
      stream?.on('end', () => lines.finish());
    }
    const log = child.stdio[logDescriptor];
    if (log instanceof Readable) log.on('data', (chunk: Uint8Array) => this.#passLog?.(chunk));
    // What it does not read any more is of no use to it.
    child.stdin?.on('error', () => undefined);
    // What it has started is not to go on without it, nor to keep its streams open.
    child.once('exit', () => this.kill());
    this.#ended = new Promise(resolve => {
      child.once('close', (status, signal) => {
        this.#hasEnded = true;
        this.#settle(undefined);
        if (signal !== null) resolve(exitText({ kind: 'killed', signal }));
        else resolve(status === 0 ? undefined : exitText({ kind: 'exited', status: status ?? 0 }));
      });
    });
  }

  /** Throws `machine/bad-hook` where the program cannot be run. */
  static async start({ command, variables, verbosity, settings, storeDir }: BuildHookOptions): Promise<BuildHook> {
    const [program, ...args] = command;
    const child = spawn(program, [...args, String(verbosityRank(verbosity))], {
      argv0: basename(program),
      cwd: '/',
      // A group of its own, which is ended with it.
      detached: true,
      env: { ...variables },
      stdio: ['pipe', 'pipe', 'pipe', 'ignore', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', cause => {
        const message = `cannot run '${program}', the setting 'build-hook': ${systemErrorText(cause)}`;
        reject(new EngineError('machine/bad-hook', message, { cause }));
      });
    });
    const hook = new BuildHook(child, storeDir);
    const writer = new WireWriter();
    for (const [name, value] of settings) {
      writer.number(1);
      writer.string(byteStringFromText(name));
      writer.string(byteStringFromText(value));
    }
    writer.number(0);
    child.stdin?.write(writer.take());
    return hook;
  }

  /** One request at a time. What it says beside the answer is reported. Throws `machine/bad-hook`, and the signal's reason. */
  async ask(request: HookRequest, { reporter, signal }: HookProgress): Promise<HookReply> {
    signal.throwIfAborted();
    this.#report(reporter);
    const { path, needs, isWilling } = request;
    const writer = new WireWriter();
    writer.string(byteStringFromText('try'));
    writer.boolean(isWilling);
    writer.string(byteStringFromText(needs.system));
    writeStorePath(writer, this.#storeDir, path);
    writeStrings(writer, [...needs.features].toSorted().map(byteStringFromText));
    this.#child.stdin?.write(writer.take());
    const answer = await this.#answer(signal);
    if (answer === undefined) {
      reporter.log('error', `build hook died unexpectedly: it ${(await this.#ended) ?? 'succeeded'}`);
      return { kind: 'died' };
    }
    switch (answer.reply) {
      case 'decline':
      case 'decline-permanently':
      case 'postpone':
        return { kind: answer.reply };
      case 'accept':
        return { kind: 'accept', machine: answer.machine ?? '' };
      default:
        throw new EngineError('machine/bad-hook', `bad hook reply '${answer.reply}'`);
    }
  }

  /** `write` gets what the builder writes, each chunk lent, until another or nobody does. */
  passLogTo(write: ((chunk: Uint8Array) => void) | undefined): void {
    this.#passLog = write;
  }

  /** Has it do what it has taken, to the end of the program: how that ended, undefined for well. Throws the signal's reason. */
  async run({ inputs, wanted }: HookBuild, { reporter, signal }: HookProgress): Promise<string | undefined> {
    this.#report(reporter);
    const writer = new WireWriter();
    writeStorePaths(writer, this.#storeDir, [...inputs].toSorted());
    writeStrings(writer, [...wanted].toSorted());
    this.#child.stdin?.end(writer.take());
    const kill = () => this.kill();
    signal.addEventListener('abort', kill);
    try {
      if (signal.aborted) kill();
      const end = await this.#ended;
      signal.throwIfAborted();
      return end;
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }

  #report(reporter: Reporter): void {
    this.#messages?.[Symbol.dispose]();
    this.#reporter = reporter;
    this.#messages = new LogMessages({ reporter, source: 'the build hook', isTrusted: true });
  }

  async #answer(signal: AbortSignal): Promise<Answer | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
    this.#waiting = { isAccepted: false, settle: resolve };
    if (this.#hasEnded) resolve(undefined);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#waiting = undefined;
    }
  }

  #takeLine(bytes: Uint8Array): void {
    const line = byteStringOf(bytes);
    const text = displayBytes(line);
    const waiting = this.#waiting;
    if (waiting?.isAccepted === true) return this.#settle({ reply: 'accept', machine: text });
    if (this.#messages?.take(line) === true || waiting === undefined) return;
    if (!text.startsWith('# ')) return this.#reporter?.log('error', text);
    const reply = text.slice(2);
    if (reply === 'accept') waiting.isAccepted = true;
    else this.#settle({ reply });
  }

  #settle(answer: Answer | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.settle(answer);
  }

  /** Ends it and all that it has started. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#ended;
    this.#messages?.[Symbol.dispose]();
  }
}

/** Who is told, and calls it off. */
export interface HookProgress {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}
