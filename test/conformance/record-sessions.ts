/**
 * Records conversations of clients (C++ Nix's and ours) with C++ Nix's daemon and its `nix-store --serve`, at several
 * versions of the protocol, into test/vectors/wire/sessions.json.
 *
 *     PEER_BINDIR=/path/to/nix/bin scripts/run test/conformance/record-sessions.ts
 *
 * A relay stands between both sides, keeps what each says, and has both believe that the other speaks the version that is
 * wanted.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type Socket, connect, createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { byteStringFromText, silentReporter } from '../../src/base/index.ts';
import {
  WireReader,
  WireWriter,
  defaultStoreDir,
  latestServeVersion,
  latestWorkerProtocol,
  openServeConnection,
  protocolVersion,
  writeServeBuildOptions,
  writeServeCommand,
} from '../../src/nix-compat/index.ts';
import { ServeConnection, StreamChannel, WorkerConnection } from '../../src/store/index.ts';
import { serveScripts, workerScripts } from '../../src/testing/index.ts';

interface Recorded {
  readonly name: string;
  readonly protocol: 'worker' | 'serve';
  readonly client: 'C++ Nix' | 'Firn';
  readonly version: number;
  readonly sent: string;
  /** Where the client is ours, and can be given it again. */
  readonly answered?: string;
}

/** What is recorded at versions between the oldest and the newest, which differ in little. */
const inBetween =
  /^(?:add a text|build with results|copy|BuildPathsWithResults|BuildDerivation|AddToStoreNar|QueryPathInfo)$/;

const [relayTo] = process.argv.slice(2);
if (relayTo !== undefined) {
  await relayStandardStreams(relayTo);
  process.exit();
}

const peerBin = process.env['PEER_BINDIR'];
if (peerBin === undefined) throw new Error('PEER_BINDIR is not set: it names the folder with the programs of C++ Nix');
const root = realpathSync(mkdtempSync(join(homedir(), '.firn-sessions-')));
const at = (name: string) => join(root, name);
// Which shell C++ Nix has for sandboxes depends on where it was built.
const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
const config = `build-users-group =\nexperimental-features = nix-command ca-derivations\nsandbox = false\nsandbox-paths = /bin/sh=${busybox}\nsubstituters =\n`;
const variables = { PATH: process.env['PATH'], HOME: at('home'), NIX_CONF_DIR: '/nonexistent' };
const recorded: Recorded[] = [];
const oldest = protocolVersion(1, 34);

/** Both sides' greetings are a magic number and the version: that is replaced if it is newer. */
class Recording {
  readonly chunks: Buffer[] = [];
  readonly #version: number;
  #isGreeted = false;

  constructor(version: number) {
    this.#version = version;
  }

  /** What is to be passed on. */
  take(chunk: Buffer): Buffer {
    const copy = Buffer.from(chunk);
    if (!this.#isGreeted && Buffer.concat(this.chunks).length + copy.length >= 16) {
      this.#isGreeted = true;
      const before = Buffer.concat(this.chunks).length;
      if (before > 8) throw new Error('a greeting came in odd pieces');
      if (copy.readUInt32LE(8 - before) > this.#version) copy.writeUInt32LE(this.#version, 8 - before);
    }
    this.chunks.push(copy);
    return copy;
  }

  get base64(): string {
    return Buffer.concat(this.chunks).toString('base64');
  }
}

interface Session {
  readonly sent: Recording;
  readonly answered: Recording;
}

/** A daemon at a socket, whose conversations are kept. */
class RecordedDaemon {
  readonly socket = at('socket');
  readonly sessions: Session[] = [];
  version = latestWorkerProtocol.version;
  readonly #server = createServer(client => this.#relay(client));
  readonly #ends: Promise<unknown>[] = [];

  async listen(): Promise<void> {
    this.#server.listen(this.socket);
    await once(this.#server, 'listening');
  }

  #relay(client: Socket): void {
    const daemon = startPeer('nix-daemon', ['--stdio']);
    const session = { sent: new Recording(this.version), answered: new Recording(this.version) };
    this.sessions.push(session);
    client.on('data', chunk => daemon.stdin?.write(session.sent.take(Buffer.from(chunk))));
    client.on('close', () => daemon.stdin?.end());
    client.on('error', () => daemon.stdin?.end());
    daemon.stdout?.on('data', (chunk: Buffer) => client.write(session.answered.take(chunk)));
    this.#ends.push(once(daemon, 'close').then(() => client.end()));
  }

  /** Of the conversations since the last call, those that asked for something. */
  async take(): Promise<Session[]> {
    await Promise.all(this.#ends.splice(0));
    return this.sessions.splice(0);
  }

  close(): void {
    this.#server.close();
  }
}

function startPeer(program: string, args: readonly string[]): ChildProcess {
  const env = { ...variables, NIX_CONFIG: config, NIX_REMOTE: at('there') };
  return spawn(join(peerBin ?? '', program), args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
}

async function runPeer(args: readonly string[], remote: string): Promise<string> {
  const [program = '', ...rest] = args;
  const env = { ...variables, NIX_CONFIG: config, NIX_REMOTE: remote, NIX_STATE_DIR: at('here') };
  const child = spawn(program === 'sh' ? program : join(peerBin ?? '', program), rest, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, complaint] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  await once(child, 'close');
  if (child.exitCode !== 0) process.stdout.write(`  ${args.join(' ')}: ${complaint.trim()}\n`);
  return output.trim();
}

function isWanted(name: string, version: number): boolean {
  return version === oldest || version === latestWorkerProtocol.version || inBetween.test(name);
}

async function recordPeer(daemon: RecordedDaemon, name: string, args: readonly string[]): Promise<string> {
  const output = await runPeer(args, `unix://${daemon.socket}`);
  for (const { sent } of await daemon.take()) {
    if (isWanted(name, daemon.version)) {
      recorded.push({ name, protocol: 'worker', client: 'C++ Nix', version: daemon.version, sent: sent.base64 });
    }
  }
  return output;
}

async function recordOurs(daemon: RecordedDaemon): Promise<void> {
  for (const [name, script] of Object.entries(workerScripts)) {
    const socket = connect(daemon.socket);
    await once(socket, 'connect');
    const channel = new StreamChannel(socket, socket);
    const options = { storeDir: defaultStoreDir, uri: 'daemon', preamble: '', reporter: silentReporter };
    const connection = await WorkerConnection.open(channel, options);
    await script(connection).catch((error: unknown) => process.stdout.write(`  ${name}: ${String(error)}\n`));
    await connection[Symbol.asyncDispose]();
    const { version } = daemon;
    for (const { sent, answered } of await daemon.take()) {
      if (!isWanted(name, version)) continue;
      const said = { sent: sent.base64, answered: answered.base64 };
      recorded.push({ name, protocol: 'worker', client: 'Firn', version, ...said });
    }
  }
}

async function recordPrograms(daemon: RecordedDaemon): Promise<void> {
  const record = (name: string, ...args: readonly string[]) => recordPeer(daemon, name, args);
  const text = await record('add a text', 'nix-store', '--add', at('text'));
  await record('add a file by its SHA-1', 'nix-store', '--add-fixed', 'sha1', at('text'));
  await record('add a folder', 'nix-store', '--add', at('folder'));
  const derivation = await record('add a derivation', 'nix-instantiate', at('made.nix'));
  await record('what would be built', 'nix-store', '-r', '--dry-run', derivation);
  await record('build', 'nix-store', '-r', derivation, '--add-root', at('root'));
  const built = await record('build with results', 'nix', 'build', '--no-link', '--print-out-paths', `${derivation}^*`);
  await record('fail', 'nix', 'build', '--no-link', '--file', at('failing.nix'));
  await record('build what is known by its contents', 'nix', 'build', '--no-link', '--file', at('floating.nix'));
  await record('ensure', 'nix-store', '-r', '/nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent');
  await record('references', 'nix-store', '--query', '--references', built);
  await record('referrers', 'nix-store', '--query', '--referrers', text);
  await record('derivers', 'nix-store', '--query', '--valid-derivers', built);
  await record('outputs', 'nix-store', '--query', '--outputs', derivation);
  await record('validity', 'nix-store', '--check-validity', '--print-invalid', text, built);
  await record('all', 'nix', 'path-info', '--all');
  await record('sign', 'nix', 'store', 'sign', '--key-file', at('key'), text);
  await record(
    'copy here',
    'nix',
    'copy',
    '--no-check-sigs',
    '--from',
    `unix://${daemon.socket}`,
    '--to',
    at('fourth'),
    text,
  );
  await record('verify', 'nix-store', '--verify', '--check-contents');
  await record('optimise', 'nix-store', '--optimise');
  await record('roots', 'nix-store', '--gc', '--print-roots');
  await record('dead', 'nix-store', '--gc', '--print-dead');
  await record('delete', 'nix-store', '--delete', text);
  await record('collect', 'nix-store', '--gc', '--max-freed', '1');
  const other = await runPeer(['nix-store', '--add', at('other')], at('elsewhere'));
  await record('copy', 'nix', 'copy', '--no-check-sigs', '--from', at('elsewhere'), other);
  writeFileSync(
    at('export'),
    spawnSync(join(peerBin ?? '', 'nix-store'), ['--export', other], {
      env: { ...variables, NIX_CONFIG: config, NIX_REMOTE: at('elsewhere') },
    }).stdout,
  );
  await record('import', 'sh', '-c', `exec ${peerBin ?? ''}/nix-store --import < ${at('export')}`);
  await record('copy a log', 'nix', 'store', 'copy-log', '--from', at('there'), derivation);
}

/**
 * Between `nix-store --serve` and whoever started us; what they say goes to files at once: clients end us when they have all
 * that they want.
 */
async function relayStandardStreams(folder: string): Promise<void> {
  const { PEER_BINDIR = '', STORE = '' } = process.env;
  const child = spawn(join(PEER_BINDIR, 'nix-store'), ['--serve', '--write'], {
    env: { ...process.env, NIX_REMOTE: STORE },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const name = join(folder, String(readdirSync(folder).length).padStart(4, '0'));
  process.stdin.on('data', (chunk: Buffer) => {
    appendFileSync(`${name}.sent`, chunk);
    child.stdin.write(chunk);
  });
  process.stdin.on('end', () => child.stdin.end());
  child.stdout.on('data', (chunk: Buffer) => {
    appendFileSync(`${name}.answered`, chunk);
    process.stdout.write(chunk);
  });
  await once(child, 'close');
}

async function recordServe(): Promise<void> {
  const folder = at('relayed');
  mkdirSync(folder);
  const relay = at('relay');
  const script = `#!/bin/sh\nexport PEER_BINDIR='${peerBin ?? ''}' STORE='${at('there')}'\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${import.meta.filename}' '${folder}'\n`;
  writeFileSync(relay, script, { mode: 0o755 });
  const take = (name: string, client: Recorded['client']) => {
    const kept = (file: string) => {
      const text = readFileSync(join(folder, file)).toString('base64');
      rmSync(join(folder, file));
      return text;
    };
    for (const file of readdirSync(folder).filter(each => each.endsWith('.sent'))) {
      const [sent, answered] = [kept(file), kept(file.replace('.sent', '.answered'))];
      const said = client === 'Firn' ? { sent, answered } : { sent };
      recorded.push({ name, protocol: 'serve', client, version: latestServeVersion, ...said });
    }
  };
  const remote = `ssh://localhost?remote-program=${relay}`;
  const record = async (name: string, ...args: readonly string[]) => {
    const output = await runPeer(args, at('elsewhere'));
    take(name, 'C++ Nix');
    return output;
  };
  const other = await runPeer(['nix-store', '--add', at('folder')], at('elsewhere'));
  await record('copy there', 'nix', 'copy', '--to', remote, other);
  await record('copy here', 'nix', 'copy', '--no-check-sigs', '--from', remote, other, '--to', at('third'));
  await record('closure', 'nix-store', '--store', remote, '--query', '--requisites', other);
  await record('info', 'nix', 'path-info', '--json', '--store', remote, other);
  const derivation = await runPeer(['nix-instantiate', at('serve.nix')], at('elsewhere'));
  await record('copy a derivation', 'nix', 'copy', '--derivation', '--to', remote, derivation);
  const machine = `ssh://localhost?remote-program=${relay} x86_64-linux - 1 1 - -`;
  await record('delegate', 'nix-store', '-r', derivation, '--max-jobs', '0', '--builders', machine);
  const start = () =>
    spawn(relay, [], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...variables, NIX_CONFIG: config } });
  // No client of today asks for these.
  const writer = new WireWriter();
  const old: Record<string, () => void> = {
    BuildPaths: () => {
      writer.list([derivation], text => writer.string(byteStringFromText(text)));
      const options = { maxSilentTime: 0, buildTimeout: 0, maxLogSize: 0 };
      const more = { repeats: 0, enforceDeterminism: false, keepFailed: false };
      writeServeBuildOptions(writer, latestServeVersion, { ...options, ...more });
    },
    ImportPaths: () => writer.raw(readFileSync(at('export'))),
  };
  for (const [name, write] of Object.entries(old)) {
    const child = start();
    const channel = new StreamChannel(child.stdout, child.stdin);
    const reader = new WireReader(channel.source);
    await openServeConnection({ reader, send: bytes => channel.write(bytes) });
    writeServeCommand(writer, name === 'BuildPaths' ? name : 'ImportPaths');
    write();
    channel.write(writer.take());
    process.stdout.write(`  ${name}: ${await reader.number()}\n`);
    channel.end();
    await once(child, 'exit');
    take(name, 'C++ Nix');
  }
  for (const [name, perform] of Object.entries(serveScripts)) {
    const child = start();
    const channel = new StreamChannel(child.stdout, child.stdin);
    const connection = await ServeConnection.open(channel, { storeDir: defaultStoreDir, host: 'there', preamble: '' });
    await perform(connection).catch((error: unknown) => process.stdout.write(`  ${name}: ${String(error)}\n`));
    child.stdin.end();
    await once(child, 'exit');
    take(name, 'Firn');
  }
}

for (const folder of ['home', 'folder']) mkdirSync(at(folder));
writeFileSync(at('text'), 'hello\n');
writeFileSync(at('other'), 'other\n');
writeFileSync(at('folder/a'), 'a\n', { mode: 0o755 });
writeFileSync(at('key'), 'test-1:' + Buffer.alloc(64, 3).toString('base64'));
const shell = (name: string, script: string, more = '') =>
  `derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "${script}" ]; ${more} }`;
writeFileSync(at('made.nix'), shell('made', 'echo made > $out'));
writeFileSync(at('failing.nix'), shell('failing', 'echo no; exit 3'));
writeFileSync(at('serve.nix'), shell('served', 'echo served > $out'));
const addressed = '__contentAddressed = true; outputHashMode = \\"nar\\"; outputHashAlgo = \\"sha256\\";'.replaceAll(
  '\\',
  '',
);
writeFileSync(at('floating.nix'), shell('floating', 'echo floating > $out', addressed));

try {
  const daemon = new RecordedDaemon();
  await daemon.listen();
  for (const minor of [38, 37, 36, 35, 34]) {
    daemon.version = protocolVersion(1, minor);
    process.stdout.write(`1.${minor}\n`);
    await recordPrograms(daemon);
    await recordOurs(daemon);
    rmSync(at('there'), { recursive: true, force: true });
  }
  daemon.close();
  process.stdout.write('serve\n');
  await recordServe();
  const text = recorded.map(session => JSON.stringify(session)).join(',\n    ');
  const origin =
    'Recorded by test/conformance/record-sessions.ts: what clients `sent` to nix-daemon and nix-store --serve of C++ Nix 2.34.8, and what these `answered`, in base64. `version` is the newest that both were let know of.';
  writeFileSync(
    new URL('../vectors/wire/sessions.json', import.meta.url),
    `{\n  "origin": ${JSON.stringify(origin)},\n  "vectors": [\n    ${text}\n  ]\n}\n`,
  );
  process.stdout.write(`${recorded.length} sessions\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
