import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface PeerResult {
  readonly status: number | null;
  /** Both outputs, as they came. */
  readonly output: string;
}

export interface PeerOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Milliseconds that a client may take, after which it is ended: none of them has work for so long. */
const patience = 10 * 60_000;

/**
 * A program of others, as a client. It is found on the PATH, or by the program that PEER_RUNNER names, which runs the
 * command that its arguments are on some other system that shares /tmp, processes and the loopback interface with this one.
 */
export class Peer {
  readonly #command: readonly string[];
  readonly #isElsewhere: boolean;

  private constructor(command: readonly string[], isElsewhere: boolean) {
    this.#command = command;
    this.#isElsewhere = isElsewhere;
  }

  /** Undefined where it is not installed. */
  static find(name: string): Peer | undefined {
    const runner = process.env['PEER_RUNNER'];
    if (runner !== undefined) {
      const found = spawnSync(runner, ['sh', '-c', 'command -v -- "$1"', 'sh', name], { encoding: 'utf8' });
      return found.status === 0 ? new Peer([runner, name], true) : undefined;
    }
    const folders = (process.env['PATH'] ?? '').split(delimiter);
    const path = folders.map(folder => join(folder, name)).find(each => existsSync(each));
    return path === undefined ? undefined : Peer.at(path);
  }

  /** As `find`, of a version that `pattern` is found in what `--version` prints of. */
  static findVersion(name: string, pattern: RegExp): Peer | undefined {
    const peer = Peer.find(name);
    if (peer === undefined) return undefined;
    const [program = '', ...rest] = peer.#command;
    const { stdout } = spawnSync(program, [...rest, '--version'], { encoding: 'utf8' });
    return pattern.test(stdout) ? peer : undefined;
  }

  /** A program of this system, wherever PEER_RUNNER has others. */
  static at(path: string): Peer {
    return new Peer([path], false);
  }

  /** Runs it to its end. */
  async run(args: readonly string[], options: PeerOptions = {}): Promise<PeerResult> {
    const child = this.start(args, options);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', code => resolve(code));
    });
    clearTimeout(timer);
    return { status, output };
  }

  start(args: readonly string[], { cwd, env = {} }: PeerOptions = {}): ChildProcess {
    const [program = '', ...rest] = this.#command;
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const given = this.#isElsewhere ? ['env', ...words, ...rest, ...args] : [...rest, ...args];
    const environment = this.#isElsewhere ? process.env : { PATH: process.env['PATH'], HOME: '/tmp', ...env };
    return spawn(program, given, { cwd, env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

/** For the option `skip` of a test: why it cannot be run, by the name of what is missing. */
export function unlessInstalled(
  ...names: readonly (readonly [name: string, peer: Peer | undefined])[]
): string | false {
  const missing = names.filter(([, peer]) => peer === undefined).map(([name]) => name);
  return missing.length === 0 ? false : `not installed: ${missing.join(', ')}`;
}
