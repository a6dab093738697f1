import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

const program = '/usr/sbin/sshd';

/** Why there can be no `SshServer` here, if so: for tests to be skipped by. */
export const sshServerObstacle: string | undefined = findObstacle();

function findObstacle(): string | undefined {
  if (!existsSync(program)) return `there is no ${program} (Debian: openssh-server)`;
  const { shell, username } = userInfo();
  return /\/(nologin|false)$/.test(shell ?? '') ? `'${username}' may not log in` : undefined;
}

export interface SshServerOptions {
  /** What those who log in have in their environment. No blanks in values. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** A real sshd, run by this user on a port of the loopback interface that was free; who has the key logs in as this user. */
export class SshServer implements AsyncDisposable {
  readonly port: number;
  readonly user = userInfo().username;
  /** The file of the private key of those who may log in. */
  readonly key: string;
  /** The host's public key, as machines files have it. */
  readonly hostKey: string;
  readonly #folder: Disposable;
  readonly #stop: () => Promise<void>;

  private constructor(options: {
    readonly folder: ReturnType<typeof temporaryFolder>;
    readonly port: number;
    readonly stop: () => Promise<void>;
  }) {
    const { folder, port, stop } = options;
    this.port = port;
    this.key = join(folder.path, 'client');
    this.hostKey = readFileSync(join(folder.path, 'host.pub')).toString('base64');
    this.#folder = folder;
    this.#stop = stop;
  }

  static async start({ variables = {} }: SshServerOptions = {}): Promise<SshServer> {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    for (const name of ['host', 'client']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
    }
    const port = await freePort();
    const set = Object.entries(variables).map(([name, value]) => ` ${name}=${value}`);
    const config = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('client.pub')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PidFile none',
      'LogLevel INFO',
      ...(set.length === 0 ? [] : [`SetEnv${set.join('')}`]),
    ];
    writeFileSync(at('config'), `${config.join('\n')}\n`);
    // As root, sshd wants this empty folder.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn(program, ['-D', '-e', '-f', at('config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    const stop = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    let said = '';
    const listens = new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`sshd has ended: ${said}`)));
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Server listening on')) resolve();
      });
    });
    try {
      await listens;
      return new SshServer({ folder, port, stop });
    } catch (error) {
      await stop();
      folder[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.#folder[Symbol.dispose]();
  }
}

/** It may be taken by somebody else before sshd is there, who says so then. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('no port'));
      });
    });
  });
}
