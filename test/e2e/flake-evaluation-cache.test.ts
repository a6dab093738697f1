import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Rig, remembered } from './remembering-rig.ts';

type Step = readonly [change: () => void, answer: string];

/** Makes each change, and sees the answer change and then be remembered, whatever happens to what nobody reads. */
function follow(rig: Rig, command: readonly [string, ...string[]], steps: readonly Step[]): void {
  for (const [change, answer] of steps) {
    change();
    assert.deepEqual(rig.ask(...command), [answer, false]);
    rig.write('elsewhere/unread', answer);
    assert.deepEqual(rig.ask(...command), [answer, true]);
  }
}

const evaluate = ['nix', 'eval', '--raw', '--no-warn-dirty'] as const;

describe('evaluations of flakes', () => {
  test('are remembered until the tree is another, file by file', () => {
    using rig = new Rig();
    const flake = (more: string) => `{
      outputs = { self }: {
        v = "${more}\${builtins.readFile ./text} \${self.rev or "dirty"} \${toString (builtins.attrNames (builtins.readDir ./.))}";
      };
    }`;
    rig.git('init', '--quiet');
    rig.write('text', 'one');
    rig.write('flake.nix', flake(''));
    rig.git('add', '--intent-to-add', 'text', 'flake.nix');
    const rev = (answer: string) => answer.replace(/[0-9a-f]{40}/, 'REV');
    const files = 'flake.nix text';
    follow(
      rig,
      [...evaluate, '.#v'],
      [
        [() => undefined, `one dirty ${files}`],
        [() => rig.write('text', 'two'), `two dirty ${files}`],
        [() => (rig.write('z', ''), rig.git('add', 'z')), `two dirty ${files} z`],
        [() => rig.git('rm', '--quiet', '--cached', 'z'), `two dirty ${files}`],
        [() => rig.write('flake.nix', flake('so ')), `so two dirty ${files}`],
      ],
    );
    rig.git('commit', '--quiet', '--all', '--message=one');
    const [clean, isRemembered] = rig.ask(...evaluate, '.#v');
    assert.deepEqual([rev(clean), isRemembered], [`so two REV ${files}`, false]);
    assert.deepEqual(rig.ask(...evaluate, '.#v'), [clean, true]);
    rig.git('commit', '--quiet', '--allow-empty', '--message=two');
    const [next, isOld] = rig.ask(...evaluate, '.#v');
    assert.deepEqual([rev(next), isOld, next === clean], [rev(clean), false, false]);
  });

  test('are remembered until a registry or a lock file is another', () => {
    using rig = new Rig();
    const names = (to: string) =>
      rig.write(
        'config/nix/registry.json',
        `{"version":2,"flakes":[{"from":{"type":"indirect","id":"named"},"to":{"type":"path","path":"${rig.path(to)}"}}]}`,
      );
    rig.write('a/flake.nix', '{ outputs = _: { v = "a"; }; }');
    rig.write('b/flake.nix', '{ outputs = _: { v = "b"; }; }');
    follow(
      rig,
      [...evaluate, 'named#v'],
      [
        [() => names('a'), 'a'],
        [() => names('b'), 'b'],
        [() => rig.write('b/flake.nix', '{ outputs = _: { v = "c"; }; }'), 'c'],
      ],
    );
    rig.write(
      'user/flake.nix',
      `{ inputs.x.url = "path:${rig.path('a')}"; outputs = { x, ... }: { v = "from \${x.v}"; }; }`,
    );
    const command = [...evaluate, './user#v'] as const;
    assert.deepEqual(rig.ask(...command), ['from a', false], 'the lock file is made');
    follow(rig, command, [[() => undefined, 'from a']]);
    rig.write('a/flake.nix', '{ outputs = _: { v = "other"; }; }');
    assert.deepEqual(rig.ask(...command), ['from a', true], 'the input is locked');
    assert.equal(rig.run('nix', 'flake', 'update', '--flake', './user').status, 0);
    follow(rig, command, [[() => undefined, 'from other']]);
    const overridden = [...command, '--override-input', 'x', rig.path('b')] as const;
    for (const _ of [1, 2]) assert.deepEqual(rig.ask(...overridden), ['from c', false], 'another lock file counts');
  });

  test('are remembered with the settings of the flake, and what was said of them', () => {
    using rig = new Rig();
    const said = (...args: string[]) => {
      const { stderr } = rig.run('nix', 'eval', './a#v', ...args);
      const warnings = stderr.split('\n').filter(line => /flake configuration|saved setting/.test(line));
      return [warnings.length, remembered.test(stderr)];
    };
    rig.write('a/flake.nix', '{ nixConfig.cores = 3; outputs = _: { v = 1; }; }');
    assert.deepEqual(
      [said(), said()],
      [
        [1, false],
        [1, true],
      ],
    );
    const accepting = ['--accept-flake-config'];
    assert.deepEqual(
      [said(...accepting), said(...accepting)],
      [
        [0, false],
        [0, true],
      ],
    );
    rig.write('data/nix/trusted-settings.json', '{"cores":{"3":false}}');
    assert.deepEqual(
      [said(), said()],
      [
        [2, false],
        [2, true],
      ],
    );
  });

  test('are remembered with their errors, but not with those of finding out what the flake is', () => {
    using rig = new Rig();
    rig.write('a/flake.nix', '{ outputs = _: { v = throw "no"; }; }');
    const [first, second] = [rig.run(...evaluate, './a#v'), rig.run(...evaluate, './a#v')];
    assert.match(first.stderr, /error: no\n/);
    assert.match(second.stderr, remembered);
    const error = ({ stderr }: { readonly stderr: string }) => stderr.slice(stderr.indexOf('error:'));
    assert.equal(error(second), error(first));
    rig.write('a/flake.nix', '{ inputs.x.url = "path:./absent"; outputs = _: { v = "so"; }; }');
    for (const _ of [1, 2]) assert.deepEqual(rig.ask(...evaluate, './a#v')[1], false);
    follow(rig, [...evaluate, './a#v'], [[() => rig.write('a/flake.nix', '{ outputs = _: { v = "so"; }; }'), 'so']]);
  });

  test('name what is to be built, and where that is from', () => {
    using rig = new Rig();
    rig.write(
      'a/flake.nix',
      `{ outputs = _: let make = name: derivation { inherit name; system = "x"; builder = "/b"; }; in { p = make "p"; q = make "q"; }; }`,
    );
    const build = ['nix', 'build', '--dry-run', './a#p', './a#q'] as const;
    const first = rig.run(...build);
    const second = rig.run(...build);
    assert.match(second.stderr, remembered);
    assert.match(first.stderr, /-p\.drv\n.*-q\.drv|-q\.drv\n.*-p\.drv/);
    const listed = ({ stderr }: { readonly stderr: string }) =>
      stderr.split('\n').filter(line => line.includes('.drv'));
    assert.deepEqual(listed(second), listed(first));
  });

  test('that expressions ask for are remembered likewise', () => {
    using rig = new Rig();
    const command = [...evaluate, '--impure', '--expr', `(builtins.getFlake "path:${rig.path('a')}").v`] as const;
    rig.write('a/b', 'read');
    follow(rig, command, [
      [() => rig.write('a/flake.nix', '{ outputs = _: { v = "a"; }; }'), 'a'],
      [() => rig.write('a/flake.nix', '{ outputs = _: { v = builtins.readFile ./b; }; }'), 'read'],
      [() => rig.write('a/b', 'again'), 'again'],
    ]);
  });
});

describe('jobs', () => {
  test('are remembered together, whatever the number of threads', () => {
    using rig = new Rig();
    rig.write('text', 'one');
    rig.write(
      'default.nix',
      `let job = name: derivation { inherit name; system = "x"; builder = "/b"; }; in
       { a = job (builtins.readFile ./text); b = builtins.trace "said" (job "b"); wrong = throw "not today"; s = { recurseForDerivations = true; c = job "c"; }; }`,
    );
    const ask = (...args: readonly string[]) => {
      const { status, stdout, stderr } = rig.run('firn', 'eval-jobs', 'default.nix', ...args);
      assert.equal(status, 0, stderr);
      const lines = stdout.toString().trim().split('\n').toSorted();
      const said = stderr
        .split('\n')
        .filter(line => /^trace: |^error:|not today$/.test(line.trim()))
        .toSorted();
      return { text: lines.join('\n').replaceAll(/,"cached":(?:true|false)/g, ''), said, cached: cachedIn(lines) };
    };
    const first = ask('--workers', '2');
    assert.deepEqual([first.cached, first.said.filter(line => line.startsWith('trace')).length], ['false', 1]);
    const second = ask('--workers', '1');
    assert.deepEqual(second, { ...first, cached: 'true' });
    const { cached, ...anew } = ask('--no-eval-cache');
    assert.deepEqual([cached, anew.text], ['', first.text]);
    rig.write('text', 'two');
    const third = ask('--workers', '2');
    assert.equal(third.cached, 'false');
    assert.match(third.text, /-two\.drv/);
    // Threads that are replaced have read something, too.
    const replaced = ['--max-memory-size', '1', '--workers', '2', '--meta'];
    assert.deepEqual([ask(...replaced).cached, ask(...replaced).cached], ['false', 'true']);
    rig.write('text', 'three');
    assert.deepEqual([ask(...replaced).cached, ask(...replaced).cached], ['false', 'true']);
  });

  test('of a flake are remembered, too', () => {
    using rig = new Rig();
    rig.write('a/text', 'one');
    rig.write(
      'a/flake.nix',
      '{ outputs = _: { jobs.a = derivation { name = builtins.readFile ./text; system = "x"; builder = "/b"; }; }; }',
    );
    const ask = () => {
      const { status, stdout, stderr } = rig.run('firn', 'eval-jobs', '--flake', './a#jobs');
      assert.equal(status, 0, stderr);
      return [/-(\w+)\.drv/.exec(stdout.toString())?.[1], cachedIn(stdout.toString().trim().split('\n'))];
    };
    assert.deepEqual(
      [ask(), ask()],
      [
        ['one', 'false'],
        ['one', 'true'],
      ],
    );
    rig.write('a/text', 'two');
    assert.deepEqual(
      [ask(), ask()],
      [
        ['two', 'false'],
        ['two', 'true'],
      ],
    );
  });
});

/** What lines say: all the same. */
function cachedIn(lines: readonly string[]): string {
  const all = new Set(lines.map(line => /"cached":(true|false)/.exec(line)?.[1] ?? ''));
  assert.equal(all.size, 1);
  return [...all].join(' ');
}
