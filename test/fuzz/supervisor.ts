import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from './fuzzer.ts';
import type { Finding } from './judge.ts';
import { targets } from './targets/index.ts';
import type { Job, WorkerMessage } from './worker.ts';

/** In MB, of a worker. */
const heapLimit = 512;
/** In milliseconds, without the worker going on to another case. */
const hangsAfter = 20_000;
const maxRestarts = 200;
/** Ends of the worker by one target, after which the others go on without it. */
const maxDeaths = 3;

export interface SupervisorOptions {
  readonly seed: string;
  /** Names. */
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly onFinding: (target: string, finding: Finding, input: Uint8Array) => void;
}

/** Runs a worker, ends it when it hangs, and starts another when it has ended too early. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Of workers that have ended. */
  readonly #before = new Map<string, Progress>();
  #now: readonly Progress[] = [];
  #lastWords = '';
  readonly #deaths = new Map<string, number>();
  readonly samples: Extract<WorkerMessage, { kind: 'samples' }>[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get progress(): Progress[] {
    this.#settle();
    return [...this.#before.values()];
  }

  async run(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'firn-fuzz-'));
    const end = performance.now() + this.#options.seconds * 1000;
    try {
      for (let start = 0; start <= maxRestarts; start++) {
        const seconds = (end - performance.now()) / 1000;
        const blackBox = join(folder, `case-${start}`);
        writeFileSync(blackBox, '');
        // Another seed after a restart: the same would come to the same end.
        const seed = start === 0 ? this.#options.seed : `${this.#options.seed}+${start}`;
        if (await this.#work({ seed, targets: this.#alive(), seconds, blackBox })) return;
        this.#settle();
        if (performance.now() > end - 1000) return;
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Whether the worker did what it was told. */
  async #work(job: Job): Promise<boolean> {
    const child = fork(new URL('worker.ts', import.meta.url), [JSON.stringify(job)], {
      execArgv: [`--max-old-space-size=${heapLimit}`, '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#lastWords = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-4000);
    });
    child.on('message', (message: WorkerMessage) => this.#receive(message));
    const hangs = this.#watch(child, job.blackBox);
    const status = await new Promise<string>(resolve => {
      child.on('close', (code, signal) => resolve(signal ?? String(code)));
    });
    clearInterval(hangs.timer);
    if (status === '0') return true;
    const last = readCase(job.blackBox);
    if (last === undefined)
      throw new Error(`the worker ended with ${status} before its first case: ${this.#lastWords}`);
    const why = hangs.happened
      ? `more than ${hangsAfter} ms`
      : `the process ended with ${status}: ${reason(this.#lastWords)}`;
    this.#deaths.set(last.target, (this.#deaths.get(last.target) ?? 0) + 1);
    const problem = hangs.happened ? 'hang' : 'crash';
    this.#options.onFinding(last.target, { problem, key: problem, why }, last.input);
    return false;
  }

  #alive(): string[] {
    return this.#options.targets.filter(name => (this.#deaths.get(name) ?? 0) < maxDeaths);
  }

  #watch(child: ChildProcess, blackBox: string): { readonly timer: NodeJS.Timeout; happened: boolean } {
    let count = -1;
    let since = performance.now();
    const timer = setInterval(() => {
      const now = readCase(blackBox)?.count ?? -1;
      if (now !== count) {
        count = now;
        since = performance.now();
      } else if (performance.now() - since > hangsAfter) {
        watch.happened = true;
        child.kill('SIGKILL');
      }
    }, 1000);
    const watch = { timer, happened: false };
    return watch;
  }

  #receive(message: WorkerMessage): void {
    switch (message.kind) {
      case 'finding':
        this.#options.onFinding(message.target, message.finding, Buffer.from(message.base64, 'base64'));
        return;
      case 'progress':
        this.#now = message.progress;
        return;
      case 'samples':
        this.samples.push(message);
        return;
      default:
        throw new TypeError('unknown message');
    }
  }

  #settle(): void {
    for (const progress of this.#now) {
      const before = this.#before.get(progress.target);
      this.#before.set(progress.target, {
        target: progress.target,
        executions: progress.executions + (before?.executions ?? 0),
        accepted: progress.accepted + (before?.accepted ?? 0),
        behaviours: Math.max(progress.behaviours, before?.behaviours ?? 0),
        slowest: Math.max(progress.slowest, before?.slowest ?? 0),
      });
    }
    this.#now = [];
  }
}

function readCase(
  blackBox: string,
): { readonly count: number; readonly target: string; readonly input: Uint8Array } | undefined {
  const bytes = readFileSync(blackBox);
  if (bytes.length < 12) return undefined;
  const target = targets[bytes.readUInt32LE(4)]?.name ?? '?';
  return { count: bytes.readUInt32LE(0), target, input: bytes.subarray(12, 12 + bytes.readUInt32LE(8)) };
}

/** The line of V8's or Node's last words that tells most. */
function reason(words: string): string {
  return /^.*(?:FATAL|Error).*$/m.exec(words)?.[0].slice(0, 300) ?? words.slice(0, 300);
}
