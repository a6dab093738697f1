import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBusybox, temporaryFolder } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { type CliOptions, type CliResult, binDir, ownEnvironment, runCli, startCli } from './run-cli.ts';

export interface FarmOptions {
  /** Of `firn.toml`, what comes first and what is in `[execution]`. */
  readonly config?: string;
  readonly execution?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const socketName = 'reapi.socket';

/** A server of remote execution whose store nobody else has, and clients that have derivations built by it. */
export class ActionFarm implements AsyncDisposable {
  readonly #temporary: ReturnType<typeof temporaryFolder>;
  readonly server: ServedFirn;

  private constructor(temporary: ReturnType<typeof temporaryFolder>, server: ServedFirn) {
    this.#temporary = temporary;
    this.server = server;
  }

  static async start({ config = '', execution = 'slots = 2', env = {} }: FarmOptions = {}): Promise<ActionFarm> {
    using stack = new DisposableStack();
    const temporary = stack.use(temporaryFolder());
    const file = join(temporary.path, 'firn.toml');
    writeFileSync(file, `${config}\n[execution]\n${execution}\n`);
    const flags = ['--config', file, '--grpc', `unix:${join(temporary.path, socketName)}`];
    const server = await ServedFirn.start({ isHere: true, flags, env });
    stack.move();
    return new ActionFarm(temporary, server);
  }

  /** A line of `builders`. */
  machine(columns = '- - 8 1 recursive-nix,builder-rpc-v0,ca-derivations'): string {
    return `reapi://${this.server.grpc} ${columns}`;
  }

  /** As `machine`, by a socket on this machine's disk. */
  machineNearby(columns = '- - 8'): string {
    return `reapi+unix://${join(this.#temporary.path, socketName)} ${columns}`;
  }

  /** One with a store of its own, which builds nothing itself. */
  client(name: string, settings: readonly string[] = []): FarmClient {
    return new FarmClient(join(this.#temporary.path, name), [
      `builders = ${this.machine()}`,
      'max-jobs = 0',
      ...settings,
    ]);
  }

  /** The value of one of the server's metrics. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://${this.server.http}/metrics`)).text();
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    return value === undefined ? assert.fail(`no '${name}' in:\n${text}`) : Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.#temporary[Symbol.dispose]();
  }
}

/** Commands over a store in a folder of its own, whose paths are said to be in /nix/store. */
export class FarmClient {
  readonly folder: string;
  readonly #settings: readonly string[];

  constructor(folder: string, settings: readonly string[]) {
    this.folder = folder;
    this.#settings = settings;
    mkdirSync(folder, { recursive: true });
  }

  get env(): Record<string, string> {
    const config = [
      'substituters =',
      'build-users-group =',
      'experimental-features = nix-command ca-derivations dynamic-derivations recursive-nix',
      `sandbox-paths = /bin/sh=${findBusybox()}`,
      ...this.#settings,
    ];
    return {
      HOME: this.folder,
      TMPDIR: this.folder,
      NIX_REMOTE: `local?root=${join(this.folder, 'root')}`,
      NIX_CONFIG: config.join('\n'),
    };
  }

  /** The text of a file `name` with an expression. */
  write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  run(program: string, args: readonly string[], options: CliOptions = {}): CliResult {
    return runCli(program, args, { cwd: this.folder, ...options, env: { ...this.env, ...options.env } });
  }

  start(program: string, args: readonly string[], options: Pick<CliOptions, 'env'> = {}): Promise<CliResult> {
    return startCli(program, args, { cwd: this.folder, env: { ...this.env, ...options.env } });
  }

  /** One that can be signalled. */
  spawn(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningClient {
    return new RunningClient(
      spawn(join(binDir, program), args, {
        cwd: this.folder,
        env: ownEnvironment({ ...this.env, ...env }),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** Standard output of a command that succeeds. */
  expect(program: string, args: readonly string[], options: CliOptions = {}): string {
    const { status, stdout, stderr } = this.run(program, args, options);
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  }

  /** Where a store path is on this disk. */
  at(storePath: string): string {
    return join(this.folder, 'root', storePath);
  }

  read(storePath: string): string {
    return readFileSync(this.at(storePath), 'utf8');
  }
}

/** A command that goes on. */
export class RunningClient implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';
  #wake: () => void = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'close').finally(() => this.#wake());
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
        this.#wake();
      });
  }

  get said(): string {
    return this.#said;
  }

  /** Waits until it has said so. */
  async whenSaid(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#said)) {
      assert.ok(this.#child.exitCode === null && this.#child.signalCode === null, this.#said);
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, when it has ended. */
  async end(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
