import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../src/testing/index.ts';

const root = join(import.meta.dirname, '../..');

/** Where `firn` is for those whose system is another, which shares only /tmp: a copy, made once for all tests of a file. */
let copied: string | undefined;

function firnFor(runner: string | undefined): string {
  if (runner === undefined) return join(root, 'firn');
  if (copied === undefined) {
    const folder = temporaryFolder();
    process.on('exit', () => folder[Symbol.dispose]());
    for (const name of ['bin', 'dist', 'firn', 'package.json', 'nix', 'share', 'scripts']) {
      cpSync(join(root, name), join(folder.path, name), { recursive: true });
    }
    const node = join(folder.path, 'node_modules/.bin/node');
    mkdirSync(dirname(node), { recursive: true });
    cpSync(realpathSync(join(root, 'node_modules/.bin/node')), node);
    copied = folder.path;
  }
  return join(copied, 'firn');
}

export interface ServeOptions {
  /** `execute` unless given; `undefined` leaves it to the command. */
  readonly anonymous?: string | undefined;
  readonly flags?: readonly string[];
  /** For clients of this system, wherever PEER_RUNNER has others. */
  readonly isHere?: boolean;
  /** Where its data folder is; one of its own unless given. */
  readonly folder?: string;
  /** Beside the environment that this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Somebody else's, who removes it. */
function keptFolder(path: string): ReturnType<typeof temporaryFolder> {
  return { path, [Symbol.dispose]: () => {} };
}

/** `firn serve` with a data folder of its own. */
export class ServedFirn implements AsyncDisposable {
  readonly folder: string;
  /** What it printed before it was ready: lines to paste. */
  readonly configuration: string;
  /** `HOST:PORT` */
  readonly grpc: string;
  readonly http: string;
  readonly #child: ChildProcess;
  readonly #log: () => string;
  readonly #dispose: () => void;

  private constructor(
    started: { readonly child: ChildProcess; readonly output: string; readonly log: () => string },
    folder: { readonly path: string; [Symbol.dispose](): void },
  ) {
    this.#child = started.child;
    this.#log = started.log;
    this.folder = folder.path;
    this.#dispose = () => {
      folder[Symbol.dispose]();
    };
    this.configuration = started.output.slice(0, started.output.indexOf('\nready ') + 1);
    const [, ready = ''] = /^ready (.*)$/m.exec(started.output) ?? [];
    const addressOf = (name: string) => new RegExp(`${name}=(\\S+)`).exec(ready)?.[1] ?? '';
    this.grpc = addressOf('grpc');
    this.http = addressOf('http');
  }

  static async start(options: ServeOptions = {}): Promise<ServedFirn> {
    const { anonymous = 'execute', flags = [], isHere = false, env = {} } = options;
    const folder = options.folder === undefined ? temporaryFolder() : keptFolder(options.folder);
    // Sandboxes are another user's.
    chmodSync(folder.path, 0o755);
    const runner = isHere ? undefined : process.env['PEER_RUNNER'];
    const addresses = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const rights = 'anonymous' in options && options.anonymous === undefined ? [] : ['--anonymous', anonymous];
    const command = [firnFor(runner), 'serve', '--data', join(folder.path, 'data'), ...addresses, ...rights, ...flags];
    const [program = '', ...args] = runner === undefined ? command : [runner, ...command];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    let output = '';
    for await (const text of child.stdout.setEncoding('utf8')) {
      output += String(text);
      if (/^ready .*\n/m.test(output)) return new ServedFirn({ child, output, log: () => log }, folder);
    }
    return assert.fail(`firn serve did not start:\n${log}`);
  }

  /** The owner's token, which `firn serve` made. */
  get token(): string {
    return readFileSync(join(this.folder, 'data/token'), 'utf8').trim();
  }

  /** What it wrote to standard error so far. */
  get log(): string {
    return this.#log();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise(resolve => {
      this.#child.on('exit', resolve);
    });
    this.#child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#dispose();
  }
}
