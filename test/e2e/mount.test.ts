import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { digestOf, removeTree } from '../../src/castore/index.ts';
import { mountObstacle, noise, temporaryFolder } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { binDir, runCli } from './run-cli.ts';

const skip = (await mountObstacle()) ?? false;

/** A store of its own below a folder, and mounts of it. */
class StoreRig implements AsyncDisposable {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #owned = new AsyncDisposableStack();

  constructor(storeDir?: string) {
    this.folder = this.#owned.use(temporaryFolder()).path;
    this.#owned.defer(() => {
      for (const name of ['store', 'state']) {
        if (existsSync(join(this.folder, name))) removeTree(join(this.folder, name));
      }
    });
    this.env = {
      HOME: this.folder,
      NIX_STORE_DIR: storeDir ?? join(this.folder, 'store'),
      NIX_STATE_DIR: join(this.folder, 'state'),
      NIX_CONFIG: 'substituters =\nbuild-users-group =',
    };
  }

  run(program: string, ...args: string[]): string {
    const { status, stdout, stderr } = runCli(program, args, { env: this.env });
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  }

  /** A path of a few files, by its name; `size` of one of them. */
  add(name: string, size = 20_000, env = this.env): string {
    const folder = join(this.folder, 'sources', name);
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'text'), `${name}\n`);
    writeFileSync(join(folder, 'data'), noise(size, name.length));
    writeFileSync(join(folder, 'bin/say'), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
    const { status, stdout, stderr } = runCli('nix-store', ['--add', folder], { env });
    assert.equal(status, 0, stderr);
    return basename(stdout.toString().trim());
  }

  async mount(...args: string[]): Promise<Mounted> {
    const mounted = this.#owned.use(new Mounted(join(this.folder, 'mount'), args, this.env));
    await mounted.ready;
    return mounted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** A `firn mount` that runs. */
class Mounted implements AsyncDisposable {
  readonly path: string;
  readonly child: ChildProcess;
  readonly ready: Promise<string>;
  readonly ended: Promise<number | null>;
  log = '';
  readonly #log: Readable;

  constructor(path: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.path = path;
    const child = spawn(join(binDir, '../firn'), ['mount', path, '--json', ...args], {
      env: { PATH: process.env['PATH'], NIX_CONF_DIR: '/nonexistent', NIX_USER_CONF_FILES: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.#log = child.stderr.setEncoding('utf8').on('data', (piece: string) => (this.log += piece));
    this.ended = once(child, 'close').then(() => child.exitCode);
    const line = once(child.stdout, 'data').then(([chunk]) => String(chunk));
    this.ready = Promise.race([line, this.ended.then(() => assert.fail(`firn mount did not start:\n${this.log}`))]);
  }

  /** Resolves when it has said so; it may say it when others have heard already that something failed. */
  async said(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.log)) await once(this.#log, 'data');
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.stop();
  }
}

const isMounted = (path: string) => readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `);

/** Contents by another process, or what `cat` says. */
async function read(path: string): Promise<string> {
  const child = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return error === '' ? out : error;
}

async function sha256(path: string): Promise<string> {
  const child = spawn('sha256sum', [path], { stdio: ['ignore', 'pipe', 'ignore'] });
  return (await text(child.stdout)).slice(0, 64);
}

async function run(program: string): Promise<string> {
  const child = spawn('env', [program], { stdio: ['ignore', 'pipe', 'ignore'] });
  return text(child.stdout);
}

async function list(path: string): Promise<string[]> {
  const child = spawn('ls', ['-A', path], { stdio: ['ignore', 'pipe', 'ignore'] });
  return (await text(child.stdout)).split('\n').filter(Boolean);
}

describe('firn mount', { skip }, () => {
  test('shows what the store knows, and what it learns', async () => {
    await using rig = new StoreRig();
    const first = rig.add('first');
    const mounted = await rig.mount();
    const status: unknown = JSON.parse(await mounted.ready);
    assert.deepEqual(status, { mounted: mounted.path, storeDir: join(rig.folder, 'store'), pid: mounted.child.pid });
    assert.deepEqual(readdirSync(mounted.path), [first]);
    assert.equal(await read(join(mounted.path, first, 'text')), 'first\n');
    assert.deepEqual(readFileSync(join(mounted.path, first, 'data')), Buffer.from(noise(20_000, 5)));
    assert.match(await read(join(mounted.path, 'x'.repeat(32))), /No such file/);
    assert.match(await read(join(mounted.path, first.replace('first', 'other'))), /No such file/);
    // A path that came later is there at once.
    const second = rig.add('second');
    assert.equal(await read(join(mounted.path, second, 'text')), 'second\n');
    assert.equal(await mounted.stop(), 0);
    assert.ok(!isMounted(mounted.path));
    assert.ok(!existsSync(mounted.path));
    assert.equal(mounted.log, '');
  });

  test('ends in good order whatever ends it', async () => {
    await using rig = new StoreRig();
    const path = rig.add('only');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const mounted = await rig.mount();
      assert.equal(await mounted.stop(signal), 0, signal);
      assert.ok(!isMounted(mounted.path), signal);
    }
    const unmounted = await rig.mount();
    rig.run('firn', 'mount', unmounted.path, '--unmount');
    assert.equal(await unmounted.ended, 0);
    assert.ok(!isMounted(unmounted.path));
    // Somebody is in it.
    const used = await rig.mount();
    const shell = spawn('sh', ['-c', 'echo in; read _'], {
      cwd: join(used.path, path),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(shell.stdout, 'data');
    assert.equal(await used.stop(), 0);
    assert.ok(!isMounted(used.path));
    shell.stdin.end('\n');
    await once(shell, 'close');
    const nothing = runCli('firn', ['mount', used.path, '--unmount'], { env: rig.env });
    assert.equal(nothing.status, 1);
    assert.match(nothing.stderr, /nothing of Firn is mounted at/);
  });

  test('takes away what was left by one that was killed', async () => {
    await using rig = new StoreRig();
    const path = rig.add('only');
    const killed = await rig.mount();
    await killed.stop('SIGKILL');
    assert.ok(isMounted(killed.path));
    assert.match(await read(killed.path), /not connected/);
    const next = await rig.mount();
    assert.equal(await read(join(next.path, path, 'text')), 'only\n');
    assert.equal(await next.stop(), 0);
    assert.ok(!isMounted(next.path));
    const again = await rig.mount();
    await again.stop('SIGKILL');
    rig.run('firn', 'mount', again.path, '--unmount');
    assert.ok(!isMounted(again.path));
  });

  test('shows a closure alone', async () => {
    await using rig = new StoreRig();
    const [first, other] = [rig.add('first'), rig.add('other')];
    writeFileSync(join(rig.folder, 'refers'), `${join(rig.folder, 'store', first)}\n`);
    const refers = basename(
      rig.run(
        'nix-instantiate',
        '--eval',
        '--read-write-mode',
        '--raw',
        '-E',
        `builtins.toFile "refers" "\${builtins.storePath ${rig.folder}/store/${first}}"`,
      ),
    );
    const mounted = await rig.mount('--closure', join(rig.folder, 'store', refers));
    assert.deepEqual(readdirSync(mounted.path).toSorted(), [first, refers].toSorted());
    assert.ok(!existsSync(join(mounted.path, other)));
    assert.equal(await read(join(mounted.path, refers)), join(rig.folder, 'store', first));
    const wrong = runCli(
      'firn',
      ['mount', join(rig.folder, 'no'), '--closure', `${rig.folder}/store/${'0'.repeat(32)}-no`],
      { env: rig.env },
    );
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /is not valid/);
  });

  test('refuses places where nothing can be mounted', async () => {
    await using rig = new StoreRig();
    const refused = (place: string) => {
      const { status, stderr } = runCli('firn', ['mount', place], { env: rig.env });
      assert.equal(status, 1);
      return stderr;
    };
    writeFileSync(join(rig.folder, 'file'), '');
    assert.match(refused(join(rig.folder, 'file')), /it is no folder/);
    assert.match(refused(join(rig.folder, 'no/where')), /No such file or directory/);
    assert.match(refused(rig.folder), /it would hide the data folder/);
  });
});

/** Passes bytes on to a server, or keeps them, or is not there. */
class Proxy implements AsyncDisposable {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  /** Whether nothing is passed on. */
  isStuck = false;

  constructor(target: string) {
    this.#target = Number(target.split(':')[1]);
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    const server = createServer(client => {
      this.#sockets.add(client);
      client.on('error', () => {});
      if (this.isStuck) return;
      const upstream = connect(this.#target, '127.0.0.1');
      this.#sockets.add(upstream);
      upstream.on('error', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>(resolve => server.listen(this.#port, '127.0.0.1', resolve));
    const address = server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise(resolve => server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

describe('firn mount --upstream', { skip }, () => {
  /** A server of Firn with a few paths, and a store that has none. */
  async function pair() {
    await using owned = new AsyncDisposableStack();
    const rig = owned.use(new StoreRig());
    const storeDir = join(rig.folder, 'store');
    const served = owned.use(await ServedFirn.start({ isHere: true, env: { NIX_STORE_DIR: storeDir } }));
    const upstream = { ...rig.env, NIX_STATE_DIR: join(served.folder, 'data') };
    const add = (name: string, size?: number) => rig.add(name, size, upstream);
    const parts = owned.move();
    return { rig, served, add, upstream, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  }

  const dataOf = (name: string, size = 20_000) => noise(size, name.length);

  /** Whether a blob that is a file of the data folder has come. */
  function hasBlob(rig: StoreRig, bytes: Uint8Array): boolean {
    const { hash } = digestOf(bytes);
    return existsSync(join(rig.folder, 'state/blobs', hash.slice(0, 2), hash.slice(2)));
  }

  for (const [kind, uriOf] of [
    ['http', (served: ServedFirn) => `http://${served.http}?trusted=1`],
    ['reapi', (served: ServedFirn) => `reapi://${served.grpc}?trusted=1`],
  ] as const) {
    test(`has what is read from a trusted store by ${kind}, file by file`, async () => {
      await using parts = await pair();
      const { rig, served, add, upstream } = parts;
      const path = add('lazy');
      if (kind === 'reapi') {
        const copied = runCli('nix', ['copy', '--to', uriOf(served), join(rig.folder, 'store', path)], {
          env: { ...upstream, NIX_CONFIG: `${rig.env['NIX_CONFIG']}\nexperimental-features = nix-command` },
        });
        assert.equal(copied.status, 0, copied.stderr);
      }
      const mounted = await rig.mount('--upstream', '--option', 'substituters', uriOf(served));
      assert.deepEqual(await list(mounted.path), []);
      assert.equal(await read(join(mounted.path, path, 'text')), 'lazy\n');
      assert.deepEqual(await list(join(mounted.path, path)), ['bin', 'data', 'text']);
      assert.ok(!hasBlob(rig, dataOf('lazy')));
      assert.deepEqual(await sha256(join(mounted.path, path, 'data')), digestOf(dataOf('lazy')).hash);
      assert.equal(await run(join(mounted.path, path, 'bin/say')), 'lazy\n');
      assert.match(await read(join(mounted.path, path.replace('lazy', 'none'))), /No such file/);
      assert.equal(mounted.log, '');
      // It may be written when it was read already.
      assert.equal(await mounted.stop(), 0);
      assert.ok(hasBlob(rig, dataOf('lazy')));
    });
  }

  test('has what others only sign whole, and verified', async () => {
    await using parts = await pair();
    const { rig, upstream } = parts;
    // Something that is known by its signature alone.
    const script = 'mkdir $out; echo whole > $out/text; echo padding-of-the-archive > $out/more';
    const expression = `derivation { name = "whole"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "${script}" ]; PATH = "/bin:/usr/bin"; }`;
    const built = runCli('nix-build', ['--no-out-link', '--option', 'sandbox', 'false', '-E', expression], {
      env: upstream,
    });
    assert.equal(built.status, 0, built.stderr);
    const path = basename(built.stdout.toString().trim());
    const key = join(rig.folder, 'key');
    const nix = (...args: string[]) => {
      const env = { ...upstream, NIX_CONFIG: `${rig.env['NIX_CONFIG']}\nexperimental-features = nix-command` };
      const { status, stdout, stderr } = runCli('nix', args, { env });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    writeFileSync(key, nix('key', 'generate-secret', '--key-name', 'k-1'));
    const publicKey = runCli(
      'nix',
      ['key', 'convert-secret-to-public', '--extra-experimental-features', 'nix-command'],
      { input: readFileSync(key) },
    );
    const cache = `file://${rig.folder}/cache`;
    nix('copy', '--to', `${cache}?secret-key=${key}&compression=none`, join(rig.folder, 'store', path));
    const untrusted = await rig.mount('--upstream', '--option', 'substituters', cache);
    assert.match(await read(join(untrusted.path, path, 'text')), /No such file/);
    await untrusted.said(/not signed by any of the keys/);
    await untrusted.stop();
    const trusting = [
      '--upstream',
      '--option',
      'substituters',
      cache,
      '--option',
      'trusted-public-keys',
      publicKey.stdout.toString().trim(),
    ];
    // A NAR that is not what was signed.
    const nar = join(rig.folder, 'cache/nar', readdirSync(join(rig.folder, 'cache/nar'))[0] ?? '');
    const contents = readFileSync(nar);
    const at = contents.indexOf('padding');
    writeFileSync(nar, Buffer.from(contents).fill(0x41, at, at + 1));
    const mounted = await rig.mount(...trusting);
    assert.match(await read(join(mounted.path, path, 'text')), /Input\/output error/);
    await mounted.said(/hash mismatch/);
    writeFileSync(nar, contents);
    assert.equal(await read(join(mounted.path, path, 'text')), 'whole\n');
  });

  test('fails for as long as the upstream has gone or says nothing, and no longer', async () => {
    await using parts = await pair();
    const { rig, served, add } = parts;
    const [first, second, third] = [add('first'), add('second'), add('third')];
    await using proxy = new Proxy(served.http);
    await proxy.open();
    const options = [`http://${proxy.address}?trusted=1`, 'stalled-download-timeout', '1', 'download-attempts', '1'];
    const [uri = '', ...more] = options;
    const mounted = await rig.mount(
      '--upstream',
      '--option',
      'substituters',
      uri,
      '--option',
      more[0]!,
      more[1]!,
      '--option',
      more[2]!,
      more[3]!,
    );
    assert.equal(await read(join(mounted.path, first, 'text')), 'first\n');
    await proxy.close();
    assert.match(await read(join(mounted.path, first, 'data')), /Input\/output error/);
    assert.match(await read(join(mounted.path, second, 'text')), /Input\/output error/);
    // What has come is there.
    assert.equal(await read(join(mounted.path, first, 'text')), 'first\n');
    await mounted.said(/could not be had/);
    await proxy.open();
    assert.equal(await sha256(join(mounted.path, first, 'data')), digestOf(dataOf('first')).hash);
    assert.equal(await read(join(mounted.path, second, 'text')), 'second\n');
    await proxy.close();
    proxy.isStuck = true;
    await proxy.open();
    assert.match(await read(join(mounted.path, third, 'text')), /Input\/output error/);
    await proxy.close();
    proxy.isStuck = false;
    await proxy.open();
    assert.equal(await read(join(mounted.path, third, 'text')), 'third\n');
    assert.equal(await mounted.stop(), 0);
  });

  test('mends what is damaged here', async () => {
    await using parts = await pair();
    const { rig, served, add } = parts;
    const path = rig.add('both', 100_000);
    assert.equal(add('both', 100_000), path);
    const { hash } = digestOf(dataOf('both', 100_000));
    const blob = join(rig.folder, 'state/blobs', hash.slice(0, 2), hash.slice(2));
    chmodSync(blob, 0o644);
    writeFileSync(blob, noise(100_000, 99));
    utimesSync(blob, 5, 5);
    const alone = await rig.mount();
    assert.match(await read(join(alone.path, path, 'data')), /Input\/output error/);
    await alone.said(/is damaged/);
    assert.equal(await read(join(alone.path, path, 'text')), 'both\n');
    await alone.stop();
    const mounted = await rig.mount('--upstream', '--option', 'substituters', `http://${served.http}?trusted=1`);
    assert.equal(await sha256(join(mounted.path, path, 'data')), hash);
    assert.equal(await mounted.stop(), 0);
    assert.ok(hasBlob(rig, dataOf('both', 100_000)));
  });

  test('may begin without its upstream', async () => {
    await using parts = await pair();
    const { rig, served, add } = parts;
    const [path, here] = [add('late'), rig.add('here')];
    await using proxy = new Proxy(served.http);
    await proxy.open();
    await proxy.close();
    const mounted = await rig.mount(
      '--upstream',
      '--option',
      'substituters',
      `http://${proxy.address}?trusted=1`,
      '--option',
      'download-attempts',
      '1',
    );
    assert.match(await read(join(mounted.path, path, 'text')), /Input\/output error/);
    assert.equal(await read(join(mounted.path, here, 'text')), 'here\n');
    await proxy.open();
    // It is not tried again and again at once.
    let found = '';
    while (found !== 'late\n') found = await read(join(mounted.path, path, 'text'));
  });
});
