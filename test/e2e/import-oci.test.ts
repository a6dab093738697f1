import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  dockerLayout,
  findBusybox,
  layerType,
  ociLayout,
  type TarPiece,
  tarArchive,
  temporaryFolder,
} from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { RemoteShell } from './remote-shell.ts';
import { runCli } from './run-cli.ts';

describe('a container image', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let server: ServedFirn;
  let shell: RemoteShell;

  before(async () => {
    folder = temporaryFolder();
    server = await ServedFirn.start({ isHere: true });
    shell = new RemoteShell(server.grpc);
  });

  after(async () => {
    await shell?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  const busybox: TarPiece = { path: 'usr/bin/busybox', mode: 0o755, contents: readFileSync(findBusybox()) };
  const link = (path: string, linkPath: string): TarPiece => ({ path, type: '2', linkPath });
  const lower = tarArchive([
    busybox,
    { path: 'usr/bin/sh', type: '1', linkPath: 'usr/bin/busybox' },
    link('bin', 'usr/bin'),
    { path: 'etc/motd', contents: 'below\n' },
    { path: 'etc/old', contents: '' },
    { path: 'dev/null', type: '3' },
  ]);
  const upper = tarArchive([
    { path: 'etc/motd', contents: 'above\n' },
    { path: 'etc/.wh.old', contents: '' },
    ...['cat', 'ls'].map(name => link(`bin/${name}`, 'busybox')),
  ]);

  /** Imports it where the server finds it. */
  function imported(name: string, archive: Uint8Array, flags: readonly string[] = []) {
    const file = join(folder.path, name);
    writeFileSync(file, archive);
    const env = { FIRN_DATA: join(server.folder, 'data'), TMPDIR: folder.path };
    return runCli('firn', ['store', 'import-oci', file, ...flags], { cwd: folder.path, env });
  }

  test('is the root of an action’s file system', async () => {
    const layers = [lower, upper].map(bytes => ({ type: `${layerType}+gzip`, bytes: gzipSync(bytes) }));
    const { status, stdout, stderr } = imported('image-1.tar', tarArchive(ociLayout([{ layers }])));
    assert.equal(status, 0, stderr);
    assert.match(stderr, /left out of the image what no store path can hold: 'dev\/null' \(character device\)/);
    const name = basename(stdout.toString().trim());
    assert.match(name, /-image-1$/);
    assert.equal(existsSync(join(folder.path, 'firn-image')), false);
    const root = `/nix/store/${name}`;
    const script = 'cat /etc/motd; ls /etc; echo new > /etc/new; echo x > /dev/null; cat /etc/new; ls /usr';
    const result = await shell.run({ arguments: ['/bin/sh', '-c', script], properties: { 'nix-rootfs': root } });
    assert.deepEqual([result.stderr, result.message, result.exitCode], ['', '', 0]);
    assert.equal(result.stdout, 'above\nmotd\nnew\nbin\n');
    // The same tree by the other way has the same name.
    const saved = imported('other.tar', tarArchive(dockerLayout([lower, upper])), ['--name', 'image-1']);
    assert.equal(saved.stdout.toString(), stdout.toString(), saved.stderr);
  });

  test('leaves nothing where it is refused', () => {
    const lacking = imported('other.tar', tarArchive(dockerLayout([lower], { architecture: 's390x' })));
    assert.equal(lacking.status, 1);
    assert.match(lacking.stderr, /^error: an image for linux\/.* is wanted, and '.*other\.tar' has none for it/);
    const outside = imported('bad.tar', tarArchive(dockerLayout([tarArchive([{ path: '../x' }])])));
    assert.match(outside.stderr, /^error: '\.\.\/x' in the archive has the path '\.\.\/x' with '\.\.'/);
    assert.equal(imported('bad name.tar', tarArchive([])).status, 1);
  });
});
