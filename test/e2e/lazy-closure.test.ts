import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DiskBlobStore, digestOf } from '../../src/castore/index.ts';
import { CountingRelay, findBusybox, mountObstacle, temporaryFolder } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { RemoteShell } from './remote-shell.ts';
import { runCli } from './run-cli.ts';

const skip = (await mountObstacle()) ?? false;

/** Of the file that nobody reads. */
const bulk = 20 * 1024 * 1024;

describe('an action on a server that has nothing of what it names', { skip }, () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let upstream: ServedFirn;
  let relay: CountingRelay;
  let server: ServedFirn;
  let shell: RemoteShell;
  let tool: string;

  before(async () => {
    folder = temporaryFolder();
    upstream = await ServedFirn.start({ isHere: true });
    tool = addTool(join(upstream.folder, 'data'));
    relay = await CountingRelay.open(upstream.http);
    const config = `substituters = http://${relay.address}?trusted=1\ndownload-attempts = 1\nexperimental-features = nix-command flakes`;
    server = await ServedFirn.start({ isHere: true, env: { NIX_CONFIG: config } });
    shell = new RemoteShell(server.grpc);
  });

  after(async () => {
    await shell?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await relay?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  /** busybox, which refers to a path with a message in it and much that nobody reads. */
  function addTool(data: string): string {
    const library = join(folder.path, 'library');
    mkdirSync(library);
    writeFileSync(join(library, 'bulk'), randomBytes(bulk));
    writeFileSync(join(library, 'message'), 'from far away\n');
    const base = join(folder.path, 'base');
    mkdirSync(base);
    copyFileSync(findBusybox(), join(base, 'busybox'));
    const expression = `
      derivation {
        name = "tool";
        system = builtins.currentSystem;
        builder = "\${${base}}/busybox";
        library = ${library};
        base = ${base};
        args = [ "sh" "-c" "$base/busybox mkdir -p $out/bin; $base/busybox cp $base/busybox $out/bin/busybox; $base/busybox ln -s $library/message $out/message" ];
      }`;
    writeFileSync(join(folder.path, 'tool.nix'), expression);
    const config = 'experimental-features = nix-command flakes\nsandbox = false\nbuild-users-group =\nsubstituters =';
    const built = runCli('nix-build', [join(folder.path, 'tool.nix'), '--no-out-link'], {
      cwd: folder.path,
      env: { FIRN_DATA: data, NIX_CONFIG: config },
    });
    assert.equal(built.status, 0, built.stderr);
    // Where it is may be elsewhere than where it says that it is.
    return `/nix/store/${basename(built.stdout.toString().trim())}`;
  }

  const run = (script: string, properties: Record<string, string> = { 'nix-closure': tool }) =>
    shell.run({ arguments: [`${tool}/bin/busybox`, 'sh', '-c', script], properties });

  test('has only what it reads brought there', async () => {
    const { exitCode, stdout, stderr, message } = await run(`/nix/store/*-tool/bin/busybox cat ${tool}/message`);
    assert.deepEqual([exitCode, stdout, stderr, message], [0, 'from far away\n', '', '']);
    const size = readFileSync(findBusybox()).byteLength;
    assert.ok(relay.received > size && relay.received < size + 200_000, `${relay.received} bytes came`);
    const again = relay.received;
    assert.equal((await run(`/nix/store/*-tool/bin/busybox cat ${tool}/message`)).stdout, 'from far away\n');
    assert.ok(relay.received - again < 20_000, `${relay.received - again} more bytes came`);
  });

  test('is refused where it names what nobody has, and told of a file that cannot be had by EIO', async () => {
    const absent = `/nix/store/${'0'.repeat(32)}-absent`;
    const refused = await run('true', { 'nix-closure': `${tool} ${absent}` });
    assert.equal(refused.code, 9);
    assert.match(refused.message, /no store path for '\/nix\/store\/0{32}-absent'/);
    relay.cut();
    const cut = await run(`${tool}/bin/busybox head -c 5 /nix/store/*-library/bulk`);
    assert.match(cut.stderr, /Input\/output error|I\/O error/);
    relay.restore();
    const whole = await run(`${tool}/bin/busybox wc -c /nix/store/*-library/bulk`);
    assert.ok(whole.stdout.startsWith(`${bulk} `), whole.stdout + whole.stderr);
  });

  test('has read ahead what was read before, once it is gone', async () => {
    const data = join(folder.path, 'data');
    chmodSync(folder.path, 0o755);
    const config = `substituters = http://${relay.address}?trusted=1\nexperimental-features = nix-command flakes`;
    const inServer = async (use: (there: RemoteShell) => Promise<unknown>): Promise<void> => {
      await using again = await ServedFirn.start({
        isHere: true,
        flags: ['--data', data],
        env: { NIX_CONFIG: config },
      });
      await using there = new RemoteShell(again.grpc);
      await use(there);
    };
    const command = (script: string) => ({
      arguments: [`${tool}/bin/busybox`, 'sh', '-c', script],
      properties: { 'nix-closure': tool },
    });
    await inServer(there => there.run(command(`${tool}/bin/busybox cat ${tool}/message`)));
    const collect = () => runCli('nix-store', ['--gc'], { env: { FIRN_DATA: data, NIX_CONFIG: config } });
    assert.equal(collect().status, 0);
    const { hash } = digestOf(Buffer.from('from far away\n'));
    await inServer(async there => {
      // Nobody reads the message; it comes all the same.
      const waited = await there.run(command(`${tool}/bin/busybox sleep 1`));
      assert.equal(waited.exitCode, 0, waited.stderr);
    });
    await using store = new DiskBlobStore(data);
    assert.deepEqual(await store.findMissing([{ hash, size: 14 }]), []);
    assert.equal((await store.findMissing([digestOf(readFileSync(join(folder.path, 'library/bulk')))])).length, 1);
  });

  test('leaves no mount behind when its server ends', async () => {
    const mounts = () =>
      readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter(line => line.includes(server.folder));
    assert.equal(mounts().length, 1);
    await server.stop();
    assert.deepEqual(mounts(), []);
  });
});
