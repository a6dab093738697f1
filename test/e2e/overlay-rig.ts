import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type NixRun, type NixSide, firn } from './nix-peers.ts';

/** Mounts an overlayfs at `merged`, on a file system of its own, which overlayfs takes for its upper layer. */
const mountScript = `
  mount -t tmpfs none "$1" && cd "$1" && mkdir -p lower/nix/store upper work merged/nix/store &&
  mount -t overlay overlay -o "lowerdir=$1/lower/nix/store,upperdir=$1/upper,workdir=$1/work" "$1/merged/nix/store"`;

/** Why there can be no overlayfs here, for tests to be skipped by. */
export const overlayObstacle = findObstacle();

function findObstacle(): string | false {
  using folder = temporaryFolder();
  const { status, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', mountScript, 'sh', folder.path], {
    encoding: 'utf8',
  });
  return status !== 0 && `an overlayfs in a namespace cannot be mounted here: ${stderr}`;
}

/** A mount namespace that has an overlayfs over the store of another folder. Commands are run within it. */
export class OverlayRig implements AsyncDisposable {
  /** URIs of the lower store, and of the one over it. */
  readonly lower: string;
  readonly overlay: string;
  readonly #stack: AsyncDisposableStack;
  readonly #folder: string;
  readonly #keeper: ChildProcess;

  private constructor(stack: AsyncDisposableStack, folder: string, keeper: ChildProcess) {
    this.#stack = stack;
    this.#folder = folder;
    this.#keeper = keeper;
    this.lower = this.at('stores/lower');
    this.overlay = this.over(this.lower);
  }

  static async start(): Promise<OverlayRig> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(temporaryFolder()).path;
    for (const name of ['conf', 'home', 'stores']) mkdirSync(join(folder, name));
    const shell = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
    const lines = [
      'experimental-features = nix-command local-overlay-store daemon-trust-override',
      'substituters =',
      'build-users-group =',
      'require-drop-supplementary-groups = false',
      `sandbox-paths = /bin/sh=${shell}`,
      'sandbox-fallback = false',
    ];
    writeFileSync(join(folder, 'conf/nix.conf'), `${lines.join('\n')}\n`);
    const remount = '#!/bin/sh\nLIBMOUNT_FORCE_MOUNT2=always exec mount -o remount "$1"\n';
    writeFileSync(join(folder, 'remount'), remount);
    chmodSync(join(folder, 'remount'), 0o755);
    // It ends with its standard input, and the mounts with it.
    const keeping = `${mountScript} && echo ready && read _`;
    const keeper = spawn('unshare', ['-rm', 'sh', '-c', keeping, 'sh', join(folder, 'stores')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(keeper, 'exit');
    stack.defer(async () => {
      keeper.stdin.end();
      await ended;
    });
    const said: unknown[] = await Promise.race([once(createInterface(keeper.stdout), 'line'), ended]);
    assert.deepEqual(said, ['ready']);
    return new OverlayRig(stack.move(), folder, keeper);
  }

  at(name: string): string {
    return join(this.#folder, name);
  }

  /** The store over `lower`, with the hook that mounts anew. */
  over(lower: string): string {
    const uri = `local-overlay://?root=${this.at('stores/merged')}&lower-store=${encodeURIComponent(lower)}`;
    return `${uri}&upper-layer=${this.at('stores/upper')}&remount-hook=${this.at('remount')}`;
  }

  write(name: string, contents: string): string {
    writeFileSync(this.at(name), contents);
    return this.at(name);
  }

  /** Has the mount show what the lower layer has by now. */
  remount(): void {
    this.shell(`${this.at('remount')} ${this.at('stores/merged/nix/store')}`);
  }

  /** What is in the upper layer, by names of store paths. */
  upper(): string[] {
    return this.shell(`ls ${this.at('stores/upper')}`)
      .split('\n')
      .filter(name => name !== '');
  }

  /** What a shell within the namespace prints. */
  shell(script: string): string {
    return this.#entered('sh', ['-c', script]).stdout;
  }

  run({ bin }: NixSide, [program = '', ...args]: readonly string[]): NixRun {
    return this.#entered(join(bin, program), args);
  }

  /** What it prints, when it succeeds. */
  succeed(side: NixSide, ...command: readonly string[]): string {
    const { status, stdout, stderr } = this.run(side, command);
    assert.equal(status, 0, `${side.name}: ${command.join(' ')}\n${stderr}`);
    return stdout.trim();
  }

  /** What it complains of, when it fails. */
  fail(side: NixSide, ...command: readonly string[]): string {
    const { status, stderr } = this.run(side, command);
    assert.notEqual(status, 0, `${side.name}: ${command.join(' ')}`);
    return stderr;
  }

  /** A daemon that keeps the store at `uri`, whose paths are below `root`; what it is reached by. */
  async serve(side: NixSide, uri: string, root: string): Promise<AsyncDisposable & { readonly uri: string }> {
    const socket = this.at(`${side === firn ? 'firn' : 'peer'}-${root.length}.socket`);
    const child = this.#spawn(join(side.bin, 'nix-daemon'), ['--store', uri], { NIX_DAEMON_SOCKET_PATH: socket });
    const ended = once(child, 'exit');
    while (!existsSync(socket)) {
      assert.ok(child.exitCode === null && child.signalCode === null, 'the daemon has ended');
      await delay(20);
    }
    return {
      uri: `unix://${socket}?root=${root}`,
      [Symbol.asyncDispose]: async () => {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }

  #entering(program: string, args: readonly string[]): readonly string[] {
    const namespace = ['--target', String(this.#keeper.pid), '--user', '--mount', '--preserve-credentials'];
    return [...namespace, '--', program, ...args];
  }

  #entered(program: string, args: readonly string[]): NixRun {
    const { status, stdout, stderr, error } = spawnSync('nsenter', this.#entering(program, args), {
      env: this.#environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (error !== undefined) throw error;
    return { status, stdout, stderr };
  }

  #spawn(program: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const variables = { ...this.#environment, ...env };
    return spawn('nsenter', this.#entering(program, args), { env: variables, stdio: 'ignore' });
  }

  get #environment(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.at('home'),
      NIX_CONF_DIR: this.at('conf'),
      NIX_USER_CONF_FILES: this.at('none'),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
