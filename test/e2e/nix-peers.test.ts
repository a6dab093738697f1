/**
 * Firn and unmodified releases of C++ Nix as each other's clients and servers: closures copied there and back, and all that a
 * daemon is asked for, over a real sshd of the loopback interface and at a socket.
 *
 *     PEER_BINDIR=/path/to/nix/bin PEER_2_8_BINDIR=$(scripts/install-nix-2.8) scripts/test test/e2e/nix-peers.test.ts
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sshServerObstacle } from '../../src/testing/index.ts';
import { NixRig, type NixSide, type RemoteScheme, derivationsWith, nixPairs } from './nix-peers.ts';

const schemes: readonly RemoteScheme[] = ['ssh', 'ssh-ng', 'unix'];

const derivations = derivationsWith(`
  above = make "above" "echo \${fails} > $out";
  wrong = derivation {
    name = "wrong";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" "echo wrong > $out" ];
    outputHashAlgo = "sha256";
    outputHash = "0000000000000000000000000000000000000000000000000000";
  };
`);

let rig: NixRig;
/** Of a file with derivations, and of a tree with what trees may have. */
let file: string;
let tree: string;

before(async () => {
  rig = await NixRig.start();
  file = rig.write('default.nix', derivations);
  tree = rig.at('tree');
  mkdirSync(join(tree, 'sub/empty'), { recursive: true });
  writeFileSync(join(tree, 'sub/run'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(tree, 'large'), 'contents\n'.repeat(100_000));
});

after(() => rig[Symbol.asyncDispose]());

/** The store path of a text that refers to another, and to the tree; `store` has all three then. */
function addClosure(side: NixSide, store: string): string {
  const expression = `let a = builtins.toFile "a" "x"; in builtins.toFile "b" "\${a} \${builtins.path { path = ${tree}; name = "t"; }}"`;
  const command = ['nix-instantiate', '--store', store, '--eval', '--read-write-mode', '--json', '--expr', expression];
  return String(JSON.parse(rig.succeed(side, command)));
}

const linesOf = (text: string) => text.split('\n').filter(line => line !== '');

for (const { client, server, skip: lacksPeer } of nixPairs) {
  for (const scheme of schemes) {
    const skip = lacksPeer || (scheme !== 'unix' && (sshServerObstacle ?? false));
    const open = (root: string, config = '') => rig.serve({ scheme, client, server, root, config });
    const has = (...command: readonly string[]) => rig.succeed(client, command);
    const lacks = (...command: readonly string[]) => rig.fail(client, command);

    describe(`${client.name} asks ${server.name} by ${scheme}`, { skip }, () => {
      test('closures go there and come back, and are the same', async () => {
        const here = rig.place('here');
        const there = rig.place('there');
        const back = rig.place('back');
        await using remote = await open(there);
        const path = addClosure(client, here);
        const closureOf = (store: string) =>
          linesOf(has('nix-store', '--store', store, '--query', '--requisites', path)).toSorted();
        const closure = closureOf(here);
        assert.equal(closure.length, 3);
        has('nix', 'copy', '--no-check-sigs', '--from', here, '--to', remote.uri, path);
        assert.deepEqual(closureOf(remote.uri), closure);
        has('nix', 'copy', '--no-check-sigs', '--from', remote.uri, '--to', back, path);
        const [hashes, ...others] = [here, there, back].map(root =>
          closure.map(each => has('nix', 'hash', 'path', join(root, each))),
        );
        for (const other of others) assert.deepEqual(other, hashes);
        has('nix', 'store', 'verify', '--no-trust', '--store', back, ...closure);
        // Nothing is left to be done.
        has('nix', 'copy', '--no-check-sigs', '--from', here, '--to', remote.uri, path);
        assert.match(has('nix', 'path-info', '--json', '--store', remote.uri, path), /"narSize":/);
      });

      // Of the serve protocol, C++ Nix uses only what a remote builder needs (remote-builders-ssh.test.ts).
      if (scheme === 'ssh') return;

      test('what is built there is there, and failures are told here', async () => {
        const there = rig.place('there');
        await using remote = await open(there);
        const build = (attribute: string) => [
          'nix-build',
          '--store',
          remote.uri,
          '--no-out-link',
          file,
          '-A',
          attribute,
        ];
        const out = has(...build('top'));
        assert.equal(readFileSync(join(there, out), 'utf8'), 'base top\n');
        const failure = lacks(...build('fails'));
        assert.match(failure, /exit code 3/);
        assert.match(failure, /it-breaks/);
        assert.match(lacks(...build('above')), /1 dependenc|dependencies of derivation/);
        assert.match(lacks(...build('wrong')), /hash mismatch in fixed-output derivation/);
        const query = (...args: string[]) => linesOf(has('nix-store', '--store', remote.uri, '--query', ...args));
        const [deriver = ''] = query('--deriver', out);
        assert.match(deriver, /-top\.drv$/);
        assert.deepEqual(query('--outputs', deriver), [out]);
        // Built again, and compared.
        has(...build('top'), '--check');
      });

      // By ssh-ng these are the same requests over another stream.
      if (scheme === 'ssh-ng') return;

      test('whoever is not trusted is believed nothing', async () => {
        const here = rig.place('here');
        const there = rig.place('there');
        await using remote = await open(there, 'trusted-users =');
        const built = has('nix-build', '--store', here, '--no-out-link', file, '-A', 'base');
        const copy = ['nix', 'copy', '--no-check-sigs', '--from', here, '--to', remote.uri, built];
        assert.match(lacks(...copy), /lacks a (valid )?signature/);
        assert.deepEqual(linesOf(has('nix', 'path-info', '--all', '--store', remote.uri)), []);
        // What is known by its contents needs nobody's word, and what is built there is known to be what it is.
        assert.match(has('nix-store', '--store', remote.uri, '--add', tree), /-tree$/);
        assert.equal(has('nix-build', '--store', remote.uri, '--no-out-link', file, '-A', 'base'), built);
      });

      test('all else that a daemon is asked for', async () => {
        const there = rig.place('there');
        await using remote = await open(there);
        const store = (...args: string[]) => has('nix-store', '--store', remote.uri, ...args);
        const refused = (...args: string[]) => lacks('nix-store', '--store', remote.uri, ...args);
        const query = (...args: string[]) => linesOf(store('--query', ...args));
        const invalid = (...paths: string[]) => linesOf(store('--check-validity', '--print-invalid', ...paths));

        // Adding: a tree, a file as it is, by other hashes, and texts with what they refer to.
        const large = join(tree, 'large');
        const added = store('--add', tree);
        const flat = store('--add-fixed', 'sha1', large);
        const recursive = store('--add-fixed', '--recursive', 'sha512', tree);
        const path = addClosure(client, remote.uri);
        assert.equal(readFileSync(join(there, added, 'sub/run'), 'utf8'), '#!/bin/sh\n');
        assert.equal(readFileSync(join(there, flat), 'utf8').length, 900_000);
        const all = linesOf(has('nix', 'path-info', '--all', '--store', remote.uri));
        for (const each of [added, flat, recursive, path]) assert.ok(all.includes(each), each);

        // Asking.
        const [reference = '', ...references] = query('--references', path);
        assert.equal(references.length, 1);
        assert.deepEqual(query('--referrers', reference), [path]);
        assert.deepEqual(query('--hash', flat), [`sha256:${has('nix-hash', '--type', 'sha256', '--base32', large)}`]);
        assert.deepEqual(query('--size', flat), ['900112']);
        const absent = path.replace(/[^/]*$/, '0000000000000000000000000000000a-absent');
        assert.deepEqual(invalid(path, absent), [absent]);
        assert.match(refused('--query', '--references', absent), /is not valid/);

        // As one stream, there and back.
        const closure = query('--requisites', path);
        const stream = rig.place('stream');
        const other = rig.place('other');
        rig.succeed(client, ['nix-store', '--store', remote.uri, '--export', ...closure], { to: stream });
        rig.succeed(client, ['nix-store', '--store', other, '--import'], { from: stream });
        const [hash] = query('--hash', path);
        assert.equal(has('nix-store', '--store', other, '--query', '--hash', path), hash);
        has('nix-store', '--store', remote.uri, '--delete', path);
        rig.succeed(client, ['nix-store', '--store', remote.uri, '--import'], { from: stream });
        assert.deepEqual(query('--hash', path), [hash]);

        // Looking whether all is well, and signing.
        store('--verify', '--check-contents');
        store('--verify-path', added);
        const key = rig.write('key', has('nix', 'key', 'generate-secret', '--key-name', 'test-1'));
        has('nix', 'store', 'sign', '--store', remote.uri, '--key-file', key, added);
        assert.match(has('nix', 'path-info', '--sigs', '--store', remote.uri, added), /test-1:/);

        // What a root keeps stays, all else goes.
        const link = rig.place('root');
        const kept = has('nix-build', '--store', remote.uri, '--out-link', link, file, '-A', 'base');
        const built = [kept, has('nix-build', '--store', remote.uri, '--no-out-link', file, '-A', 'top')];
        assert.match(store('--read-log', built[1] ?? ''), /^building-top$/m);
        // C++ Nix writes links in quotation marks since 2.25.
        const roots = linesOf(store('--gc', '--print-roots').replaceAll('"', ''));
        assert.ok(roots.includes(`${link} -> ${kept}`), roots.join('\n'));
        const dead = linesOf(store('--gc', '--print-dead'));
        assert.ok(dead.includes(added) && !dead.includes(kept));
        store('--delete', recursive);
        assert.match(refused('--delete', kept), /still alive/);
        store('--optimise');
        store('--gc');
        assert.deepEqual(invalid(added, path, kept, ...built.slice(1)), [added, path, ...built.slice(1)]);
      });
    });
  }
}
