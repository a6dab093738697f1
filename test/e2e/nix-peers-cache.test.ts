/**
 * Firn and unmodified releases of C++ Nix as clients of the binary cache that `firn serve` is: they send paths, substitute
 * and copy signed ones, and look into them.
 *
 *     PEER_BINDIR=/path/to/nix/bin PEER_2_8_BINDIR=$(scripts/install-nix-2.8) scripts/test test/e2e/nix-peers-cache.test.ts
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SecretKey } from '../../src/nix-compat/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { NixRig, firn, nixPeers } from './nix-peers.ts';

const key = SecretKey.generate('served-1');
const expression = `
derivation {
  name = "built";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "echo it-is-built; echo built > $out" ];
}
`;

let rig: NixRig;
let tree: string;

before(async () => {
  rig = await NixRig.start();
  tree = rig.at('tree');
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'sub/run'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(tree, 'large'), 'contents\n'.repeat(100_000));
});

after(() => rig[Symbol.asyncDispose]());

for (const client of [firn, ...nixPeers]) {
  describe(`${client.name} as the client of a binary cache`, { skip: client.skip }, () => {
    const has = (...command: readonly string[]) => rig.succeed(client, command);
    const lacks = (...command: readonly string[]) => rig.fail(client, command);
    /** Somebody who remembers nothing of what was sent. */
    const others = () => ({ env: { XDG_CACHE_HOME: rig.place('cache') } });
    const trust = ['--option', 'require-sigs', 'true', '--option', 'trusted-public-keys', key.publicKey.toString()];

    /** A server that has both paths by this client, and whoever may write. */
    async function serve() {
      const keyFile = rig.write('key', key.format());
      const env = { NIX_CONF_DIR: rig.at('conf'), NIX_CONFIG: `secret-key-files = ${keyFile}` };
      const served = await ServedFirn.start({ isHere: true, anonymous: 'read', env });
      const here = rig.place('here');
      const added = has('nix-store', '--store', here, '--add', tree);
      const built = has('nix-build', '--store', here, '--no-out-link', '--expr', expression);
      const url = `http://${served.http}`;
      const copy = ['nix', 'copy', '--no-check-sigs', '--from', here, '--to', url];
      const netrc = rig.write('netrc', `machine 127.0.0.1 login nix password ${served.token}\n`);
      const withToken = ['--option', 'netrc-file', netrc];
      return { served, here, url, copy, withToken, added, built };
    }

    test('sends paths, with the right to, which others have then', async () => {
      const { served, here, url, copy, withToken, added, built } = await serve();
      await using _served = served;
      assert.match(lacks(...copy, added), /401/);
      has(...copy, ...withToken, added, built);
      // Nothing is left to be done.
      has(...copy, ...withToken, added, built);
      const signatures = rig.succeed(client, ['nix', 'path-info', '--sigs', '--store', url, built], others());
      assert.match(signatures, /served-1:/);

      // What is not known by its contents is signed by the server.
      const untrusting = ['--option', 'require-sigs', 'true'];
      const refusal = rig.fail(
        client,
        ['nix', 'copy', '--from', url, '--to', rig.place('refused'), built, ...untrusting],
        others(),
      );
      assert.match(refusal, /lacks a (valid )?signature/);
      const copied = rig.place('copied');
      rig.succeed(client, ['nix', 'copy', '--from', url, '--to', copied, added, built, ...trust], others());
      const substituted = rig.place('substituted');
      const realise = ['nix-store', '--store', substituted, '--realise', added, built];
      rig.succeed(client, [...realise, '--option', 'substituters', url, ...trust], others());
      // Whoever has sent it knows it by the names that it was sent under.
      has('nix', 'copy', '--no-check-sigs', '--from', url, '--to', rig.place('again'), added, built);
      const hashes = [here, copied, substituted].map(root =>
        [added, built].map(path => has('nix', 'hash', 'path', join(root, path))),
      );
      assert.deepEqual(hashes[1], hashes[0]);
      assert.deepEqual(hashes[2], hashes[0]);
      rig.succeed(client, ['nix', 'store', 'verify', '--store', copied, added, built, ...trust]);
    });

    test('writes by build id what the server answers of debug information', async () => {
      const { served, here, url, copy, withToken } = await serve();
      await using _served = served;
      const id = 'ab'.repeat(20);
      const debug = rig.place('debug');
      mkdirSync(join(debug, `lib/debug/.build-id/ab`), { recursive: true });
      writeFileSync(join(debug, `lib/debug/.build-id/ab/${id.slice(2)}.debug`), 'information');
      const added = has('nix-store', '--store', here, '--add', debug);
      has(...copy, ...withToken, added);
      const cache = rig.place('cache');
      has('nix', 'copy', '--from', here, '--to', `file://${cache}?index-debug-info=true&compression=none`, added);
      const written = linkOf(readFileSync(join(cache, `debuginfo/${id}.debug`), 'utf8'));
      const answer = await fetch(`${url}/debuginfo/${id}.debug`);
      const answered = linkOf(await answer.text());
      assert.equal(answered.member, written.member);
      const nar = readFileSync(join(cache, 'debuginfo', written.archive));
      const fetched = await fetch(new URL(answered.archive, answer.url));
      assert.deepEqual(Buffer.from(await fetched.arrayBuffer()), nar);
    });

    test('looks into paths, and has what is built from the cache instead of building it', async () => {
      const { served, url, copy, withToken, added, built } = await serve();
      await using _served = served;
      has(...copy, ...withToken, added, built);
      assert.match(has('nix', 'store', 'ls', '--store', url, '-lR', added), /^-r-xr-xr-x +10 \.\/sub\/run$/m);
      assert.equal(has('nix', 'store', 'cat', '--store', url, `${added}/sub/run`), '#!/bin/sh');
      const places = ['--store', rig.place('elsewhere'), '--option', 'substituters', url, '--max-jobs', '0'];
      const out = rig.succeed(
        client,
        ['nix-build', '--no-out-link', '--expr', expression, ...places, ...trust],
        others(),
      );
      assert.equal(out, built);
      const absent = built.replace(/[^/]*$/, '0000000000000000000000000000000a-absent');
      assert.match(lacks('nix', 'path-info', '--store', url, absent), /is not valid/);
    });
  });
}

function linkOf(text: string): { readonly archive: string; readonly member: string } {
  const link: unknown = JSON.parse(text);
  assert.ok(typeof link === 'object' && link !== null && 'archive' in link && 'member' in link, text);
  return { archive: String(link.archive), member: String(link.member) };
}
