import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatStoreReference } from '../store-reference/store-reference.ts';
import { type Machine, canBuildOn, connectionTo, machineUri } from './machine.ts';
import { parseMachines } from './parse-machines.ts';

function parse(text: string, files: Readonly<Record<string, string>> = {}): Machine[] {
  return parseMachines(text, {
    systems: new Set(['test-system']),
    workingDirectory: '/work',
    readFile: path => files[path],
  });
}

function parseOne(text: string): Machine {
  const [machine, ...others] = parse(text);
  assert.ok(machine !== undefined && others.length === 0);
  return machine;
}

function refusal(text: string, files?: Readonly<Record<string, string>>): string {
  try {
    parse(text, files);
  } catch (error) {
    if (error instanceof NixCompatError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return assert.fail('it was parsed');
}

const uris = (text: string, files?: Readonly<Record<string, string>>) => parse(text, files).map(machineUri);
const host = 'nix@scratchy.labs.cs.uu.nl';

// What is parsed how are facts of C++ Nix 2.34.8, src/libstore-tests/machines.cc.
describe('machines', () => {
  test('what is left out', () => {
    assert.deepEqual(parse(''), []);
    const plain = {
      systems: new Set(['test-system']),
      sshKey: '',
      maxJobs: 1,
      speedFactor: 1,
      supportedFeatures: new Set(),
      mandatoryFeatures: new Set(),
      hostKey: '',
    };
    for (const line of [host, `${host} - - - - - - -`]) {
      const { store, ...rest } = parseOne(line);
      assert.equal(machineUri({ store }), `ssh://${host}`);
      assert.deepEqual(rest, plain);
    }
    assert.equal(machineUri(parseOne(`${host}:2222`)), `ssh://${host}:2222`);
  });

  test('all columns, between blanks of any kind', () => {
    for (const blank of [' ', '\t', '    ']) {
      const columns = [host, 'i686-linux', '/home/nix/.ssh/id', '8', '3', 'kvm', 'benchmark', 'SSH+HOST+KEY=='];
      const { store, ...rest } = parseOne(columns.join(blank));
      assert.equal(machineUri({ store }), `ssh://${host}`);
      assert.deepEqual(rest, {
        systems: new Set(['i686-linux']),
        sshKey: '/home/nix/.ssh/id',
        maxJobs: 8,
        speedFactor: 3,
        supportedFeatures: new Set(['kvm']),
        mandatoryFeatures: new Set(['benchmark']),
        hostKey: 'SSH+HOST+KEY==',
      });
    }
    const several = parseOne(`${host} Arch1,Arch2 - - 0 s1,s2 m1,m2`);
    assert.deepEqual(several.systems, new Set(['Arch1', 'Arch2']));
    assert.deepEqual(several.supportedFeatures, new Set(['s1', 's2']));
    assert.deepEqual(several.mandatoryFeatures, new Set(['m1', 'm2']));
    assert.equal(several.speedFactor, 1);
  });

  test('lines, semicolons and comments', () => {
    assert.deepEqual(uris('a\nb'), ['ssh://a', 'ssh://b']);
    assert.deepEqual(uris('a ; b'), ['ssh://a', 'ssh://b']);
    assert.deepEqual(uris('# c ; d\na ; b # e ; f\n# g\nc\n'), ['ssh://a', 'ssh://b', 'ssh://c']);
    assert.deepEqual(uris('     # c ; d\n   a ; b  \n\n   \n\n ;;; \n\n ; ; \nc\n\n'), [
      'ssh://a',
      'ssh://b',
      'ssh://c',
    ]);
  });

  test('files, within files too, and those that are not there', () => {
    const files = { '/etc/nix/machines': 'a\n@/more ; b\n', '/more': '# nothing\nc - - 2' };
    assert.deepEqual(uris('@/etc/nix/machines; d', files), ['ssh://a', 'ssh://c', 'ssh://b', 'ssh://d']);
    assert.deepEqual(uris('@ /more', files), ['ssh://c']);
    assert.deepEqual(uris('@/not/a/file'), []);
    assert.match(refusal('@/loop', { '/loop': '@/loop' }), /^machine\/too-many: /);
  });

  test('stores that are not behind ssh', () => {
    assert.deepEqual(uris('auto; auto?a=b; daemon; local; /srv/store; ssh-ng://h; unix:///sock; local?root=/x'), [
      'auto',
      'auto?a=b',
      'daemon',
      'local',
      'local:///srv/store',
      'ssh-ng://h',
      'unix:///sock',
      'local://?root=/x',
    ]);
  });

  test('what is refused, in the words of C++ Nix', () => {
    const bad = 'machine/malformed: bad machine specification:';
    assert.equal(
      refusal('h - - eight'),
      `${bad} failed to convert column #3 in a row: 'h - - eight' to 'unsigned int'`,
    );
    assert.equal(refusal('h - - -1'), `${bad} failed to convert column #3 in a row: 'h - - -1' to 'unsigned int'`);
    assert.equal(refusal('h - - 8 three'), `${bad} failed to convert column #4 in a row: 'h - - 8 three' to 'float'`);
    assert.equal(refusal('h - - 8 -3'), 'machine/malformed: speed factor must be >= 0');
    assert.match(refusal('h - - 8 3 - - BAD_BASE64'), /invalid character in Base64 string: '_'.*column #7/);
    assert.equal(refusal('- x'), `${bad} store URL was not found at the first column of a row: '- x'`);
  });

  test('what a machine can build', () => {
    const machine = parseOne('h s1,s2 - 1 1 kvm benchmark');
    const can = (system: string, ...features: string[]) => canBuildOn(machine, { system, features: new Set(features) });
    assert.equal(can('s1', 'benchmark'), true);
    assert.equal(can('s2', 'benchmark', 'kvm'), true);
    assert.equal(can('builtin', 'benchmark'), true);
    assert.equal(can('s3', 'benchmark'), false);
    assert.equal(can('s1', 'kvm'), false);
    assert.equal(can('s1', 'benchmark', 'big-parallel'), false);
  });

  test('how its store is opened', () => {
    const opened = (line: string) => displayBytes(formatStoreReference(connectionTo(parseOne(line))));
    assert.equal(
      opened('h - /key 1 1 kvm benchmark S0VZ'),
      'ssh://h?max-connections=1&ssh-key=/key&base64-ssh-public-host-key=S0VZ&system-features=kvm%20benchmark',
    );
    assert.equal(opened('/srv/store - /key 1 1 kvm'), 'local:///srv/store?system-features=kvm');
    assert.equal(opened('daemon'), 'unix://?system-features=');
  });
});
