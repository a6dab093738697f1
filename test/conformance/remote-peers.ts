/**
 * Has Firn and C++ Nix be each other's peers, in both protocols and both ways: closures are copied there and back, stores are
 * asked what they have, garbage is collected, derivations are built there, and the results compared.
 *
 *     PEER_BINDIR=/path/to/nix/bin npm run conformance:remote
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../src/castore/index.ts';

const peerBin = process.env['PEER_BINDIR'];
if (peerBin === undefined) {
  process.stderr.write('PEER_BINDIR is not set: it names the folder with the programs of C++ Nix to speak with\n');
  process.exit(1);
}
const bins = { cpp: peerBin, firn: process.env['FIRN_BINDIR'] ?? join(import.meta.dirname, '../../bin') };
type Peer = keyof typeof bins;

// Not in a folder that all may write to: C++ Nix, and Firn, refuse to build there.
const root = realpathSync(mkdtempSync(join(homedir(), '.firn-remote-')));
const at = (name: string) => join(root, name);
// Which shell C++ Nix has for sandboxes depends on where it was built.
const shell = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
const config = `build-users-group =\nexperimental-features = nix-command\nsandbox = false\nsandbox-paths = /bin/sh=${shell}\nsubstituters =\n`;
let failures = 0;

function run(peer: Peer, program: string, args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: at('home'), NIX_CONF_DIR: '/nonexistent', NIX_CONFIG: config };
  const { status, stdout, stderr } = spawnSync(join(bins[peer], program), args, { env, encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw new Error(`${peer}: ${program} ${args.join(' ')}\n${stderr}`);
}

function check(name: string, work: () => void): void {
  try {
    work();
    process.stdout.write(`ok   ${name}\n`);
  } catch (error) {
    failures++;
    process.stdout.write(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function expectSame(what: string, found: string, expected: string): void {
  if (found !== expected) throw new Error(`${what}: '${found}' instead of '${expected}'`);
}

mkdirSync(at('home'));
mkdirSync(at('tree'));
writeFileSync(at('tree/file'), 'contents\n'.repeat(100_000));
writeFileSync(
  at('closure.nix'),
  `let a = builtins.toFile "a" "x"; in builtins.toFile "b" "\${a} and \${builtins.path { path = ${at('tree')}; name = "t"; }}"`,
);
const derivation = (name: string) =>
  `derivation { name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; args = ["-c" "echo ${name} > $out"]; }`;

for (const scheme of ['ssh', 'ssh-ng'] as const) {
  for (const [client, server] of [
    ['firn', 'cpp'],
    ['cpp', 'firn'],
    ['firn', 'firn'],
  ] as const) {
    const name = `${scheme}, ${client} asks ${server}`;
    const id = `${scheme}-${client}-${server}`;
    const there = at(`there-${id}`);
    const program = join(bins[server], scheme === 'ssh' ? 'nix-store' : 'nix-daemon');
    const remote = `${scheme}://localhost?remote-program=${program}&remote-store=${there}`;
    const here = at(`here-${id}`);
    let path = '';
    check(`${name}: a closure there and back`, () => {
      path = run(client, 'nix-instantiate', [
        '--store',
        here,
        '--eval',
        '--read-write-mode',
        '--raw',
        at('closure.nix'),
      ]);
      run(client, 'nix', ['copy', '--no-check-sigs', '--from', here, '--to', remote, path]);
      const back = at(`back-${id}`);
      run(client, 'nix', ['copy', '--no-check-sigs', '--from', remote, '--to', back, path]);
      const dump = (store: string) => run('cpp', 'nix', ['hash', 'path', join(store, path)]);
      expectSame('hash there', dump(there), dump(here));
      expectSame('hash here', dump(back), dump(here));
      const closure = (store: string) => run(client, 'nix-store', ['--store', store, '--query', '--requisites', path]);
      expectSame('closure', closure(remote), closure(here));
    });
    if (scheme === 'ssh') continue;
    check(`${name}: adding, listing, verifying, collecting`, () => {
      const added = run(client, 'nix', ['store', 'add-path', '--store', remote, '--name', 'other', at('tree')]);
      const flat = run(client, 'nix', ['store', 'add-file', '--store', remote, at('tree/file')]);
      const all = run(client, 'nix', ['path-info', '--all', '--store', remote]).split('\n');
      for (const each of [path, added, flat]) if (!all.includes(each)) throw new Error(`'${each}' is not listed`);
      run(client, 'nix', ['store', 'verify', '--no-trust', '--store', remote, added, flat]);
      run(client, 'nix-store', ['--store', remote, '--gc']);
      expectSame('what is left', run(client, 'nix', ['path-info', '--all', '--store', remote]), '');
    });
    check(`${name}: building there`, () => {
      const out = run(client, 'nix-build', ['--store', remote, '--no-out-link', '--expr', derivation('built-there')]);
      // Whose store it is has its tables in a form of its own.
      expectSame('output', run(server, 'nix', ['store', 'cat', '--store', there, out]), 'built-there');
    });
  }
  check(`${scheme}, firn is a remote builder of cpp`, () => {
    const program = join(bins.firn, scheme === 'ssh' ? 'nix-store' : 'nix-daemon');
    const builder = `${scheme}://localhost?remote-program=${program}&remote-store=${at(`builder-${scheme}`)}`;
    const store = at(`built-${scheme}`);
    const text = derivation(`remotely-${scheme}`);
    const args = ['--store', store, '--no-out-link', '--max-jobs', '0', '--builders', builder, '--expr', text];
    const out = run('cpp', 'nix-build', args);
    expectSame('output', run('cpp', 'nix', ['store', 'cat', '--store', store, out]), `remotely-${scheme}`);
  });
}
removeTree(root);
process.exit(failures === 0 ? 0 : 1);
