import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SshServer, isRoot, sshServerObstacle, temporaryFolder } from '../../src/testing/index.ts';
import { binDir } from './run-cli.ts';

/** Somebody's programs, all of the same names. */
export interface NixSide {
  readonly name: string;
  /** The folder that they are in. */
  readonly bin: string;
  /** Why it cannot be had, for tests to be skipped by. */
  readonly skip: string | false;
  /** Whether it reads ports in the URIs of stores behind ssh, which C++ Nix does since 2.30. */
  readonly knowsPorts: boolean;
  /** Whether it was built with it, which Debian's package was not. */
  readonly hasS3: boolean;
  /** How NARs may not be compressed for it: C++ Nix 2.8 aborts when it copies several that are so, also those that it wrote. */
  readonly abortsAt: readonly string[];
}

export const firn: NixSide = { name: 'Firn', bin: binDir, skip: false, knowsPorts: true, hasS3: true, abortsAt: [] };

/** Unmodified releases of C++ Nix; each where a variable says. The second one is what scripts/install-nix-2.8 unpacks. */
export const nixPeers: readonly NixSide[] = [
  peerAt('PEER_BINDIR', { name: 'C++ Nix', knowsPorts: true, hasS3: true, abortsAt: [] }),
  peerAt('PEER_2_8_BINDIR', { name: 'C++ Nix 2.8', knowsPorts: false, hasS3: false, abortsAt: ['lzma'] }),
];

function peerAt(variable: string, traits: Omit<NixSide, 'bin' | 'skip'>): NixSide {
  const bin = process.env[variable];
  const skip = bin === undefined && `${variable} is not set: it names the folder of ${traits.name}’s programs`;
  return { ...traits, bin: bin ?? '', skip };
}

export interface NixPair {
  readonly client: NixSide;
  readonly server: NixSide;
  readonly skip: string | false;
}

/** Ours with ours, which shows that a scenario is right, and each peer with ours in both roles. */
export const nixPairs: readonly NixPair[] = [
  { client: firn, server: firn, skip: false },
  ...nixPeers.flatMap(peer => [
    { client: firn, server: peer, skip: peer.skip },
    { client: peer, server: firn, skip: peer.skip },
  ]),
];

export interface NixRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NixRunOptions {
  /** A file that is read on standard input. */
  readonly from?: string;
  /** A file that is made of what comes on standard output. */
  readonly to?: string;
  /** Beside what all have. */
  readonly env?: Readonly<Record<string, string>>;
}

export type RemoteScheme = 'ssh' | 'ssh-ng' | 'unix';

export interface ServedRoot {
  readonly scheme: RemoteScheme;
  readonly client: NixSide;
  readonly server: NixSide;
  /** Of the store. */
  readonly root: string;
  /** Lines of nix.conf that a daemon has beside those of all. */
  readonly config?: string;
}

/** Stores below folders of their own, what all sides run with (a nix.conf without anything of this machine's), and a real sshd. */
export class NixRig implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #folder: string;
  /** Absent where there can be none: `sshServerObstacle` says why. */
  readonly #ssh: SshServer | undefined;
  #serial = 0;

  private constructor(stack: AsyncDisposableStack, folder: string, ssh: SshServer | undefined) {
    this.#stack = stack;
    this.#folder = folder;
    this.#ssh = ssh;
  }

  static async start(): Promise<NixRig> {
    await using stack = new AsyncDisposableStack();
    // Not in a folder that all may write to: C++ Nix refuses to build there as root.
    const folder = stack.use(temporaryFolder(isRoot ? homedir() : undefined)).path;
    for (const name of ['conf', 'home']) mkdirSync(join(folder, name));
    // Which shell C++ Nix has for sandboxes depends on where it was built.
    const shell = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
    const lines = [
      'experimental-features = nix-command',
      'substituters =',
      'build-users-group =',
      `sandbox-paths = /bin/sh=${shell}`,
      'sandbox-fallback = false',
      'trusted-users = *',
    ];
    writeFileSync(join(folder, 'conf/nix.conf'), `${lines.join('\n')}\n`);
    // Whoever logs in has this home, and none of the user's start-up files.
    const variables = { ...configuredBy(folder), HOME: join(folder, 'home') };
    const ssh = sshServerObstacle === undefined ? stack.use(await SshServer.start({ variables })) : undefined;
    return new NixRig(stack.move(), folder, ssh);
  }

  at(name: string): string {
    return join(this.#folder, name);
  }

  /** A path below the rig's folder where nothing is yet. */
  place(name: string): string {
    return this.at(`${name}-${this.#serial++}`);
  }

  write(name: string, contents: string): string {
    const path = this.place(name);
    writeFileSync(path, contents);
    return path;
  }

  get ssh(): SshServer {
    return this.#ssh ?? assert.fail(sshServerObstacle);
  }

  get environment(): Record<string, string> {
    // Nothing of the user's own, and no questions.
    const flags = ['-F none', '-oIdentitiesOnly=yes', '-oBatchMode=yes', '-oGlobalKnownHostsFile=none'];
    if (this.#ssh !== undefined) flags.push(`-oPort=${this.#ssh.port}`);
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.at('home'),
      NIX_SSHOPTS: flags.join(' '),
      ...configuredBy(this.#folder),
    };
  }

  run({ bin }: NixSide, [program = '', ...args]: readonly string[], options: NixRunOptions = {}): NixRun {
    const { from = '/dev/null', to, env = {} } = options;
    using descriptors = new DisposableStack();
    const open = (path: string, flags: string) => descriptors.adopt(openSync(path, flags), closeSync);
    const { status, stdout, stderr, error } = spawnSync(join(bin, program), args, {
      env: { ...this.environment, ...env },
      encoding: 'utf8',
      stdio: [open(from, 'r'), to === undefined ? 'pipe' : open(to, 'w'), 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error !== undefined) throw error;
    return { status, stdout: stdout ?? '', stderr };
  }

  /** What it prints, when it succeeds. */
  succeed(side: NixSide, command: readonly string[], options?: NixRunOptions): string {
    const { status, stdout, stderr } = this.run(side, command, options);
    assert.equal(status, 0, `${side.name}: ${command.join(' ')}\n${stderr}`);
    return stdout.trim();
  }

  /** What it complains of, when it fails. */
  fail(side: NixSide, command: readonly string[], options?: NixRunOptions): string {
    const { status, stderr } = this.run(side, command, options);
    assert.notEqual(status, 0, `${side.name}: ${command.join(' ')}`);
    return stderr;
  }

  /** The store below `root`, kept by `server`'s program: its daemon at a socket, or what sshd starts. */
  async serve({ scheme, client, server, root, config = '' }: ServedRoot): Promise<RemoteStore> {
    if (scheme === 'unix') return NixDaemon.start({ ...this.environment, NIX_CONFIG: config }, server, root);
    const { uri } = this.machine({ scheme, client, server, root });
    const { key, hostKey } = this.ssh;
    const keys = { 'ssh-key': key, 'base64-ssh-public-host-key': hostKey };
    const query = Object.entries(keys).map(([name, value]) => `&${name}=${encodeURIComponent(value)}`);
    return { uri: `${uri}${query.join('')}`, [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  /** The store below `root` behind sshd, without keys: those are columns of machines files. */
  machine({ scheme, client, server, root }: ServedRoot & { readonly scheme: 'ssh' | 'ssh-ng' }): Machine {
    const { user, port, key, hostKey } = this.ssh;
    const program = join(server.bin, scheme === 'ssh' ? 'nix-store' : 'nix-daemon');
    const place = `${user}@127.0.0.1${client.knowsPorts ? `:${port}` : ''}`;
    const uri = `${scheme}://${place}?remote-store=${root}&remote-program=${program}`;
    return { uri, root, line: `${uri} - ${key} 2 1 - - ${hostKey}` };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function configuredBy(folder: string): Record<string, string> {
  return { NIX_CONF_DIR: join(folder, 'conf'), NIX_USER_CONF_FILES: join(folder, 'none') };
}

export interface Machine {
  readonly uri: string;
  readonly root: string;
  /** Of a machines file. */
  readonly line: string;
}

/** A store that somebody keeps, until this is disposed of. */
export interface RemoteStore extends AsyncDisposable {
  readonly uri: string;
}

/** Somebody's `nix-daemon`, over the store below a root. */
class NixDaemon implements RemoteStore {
  readonly uri: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(uri: string, process: ChildProcess) {
    this.uri = uri;
    this.#process = process;
    this.#ended = once(process, 'exit');
  }

  static async start(environment: Readonly<Record<string, string>>, server: NixSide, root: string): Promise<NixDaemon> {
    const socket = `${root}.socket`;
    const child = spawn(join(server.bin, 'nix-daemon'), ['--store', root], {
      env: { ...environment, NIX_DAEMON_SOCKET_PATH: socket },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    // Clients of sockets read files where these are, by themselves.
    const daemon = new NixDaemon(`unix://${socket}?root=${root}`, child);
    while (!existsSync(socket)) {
      assert.ok(child.exitCode === null && child.signalCode === null, said);
      await delay(20);
    }
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#ended;
  }
}

/** A file of Nix with derivations that depend on each other and fail, and `more` attributes. */
export function derivationsWith(more: string): string {
  return `
let
  make = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  };
in rec {
  base = make "base" "echo building-base; echo base > $out";
  top = make "top" "echo building-top; read x < \${base}; echo $x top > $out";
  fails = make "fails" "echo it-breaks; exit 3";
  ${more}
}
`;
}
