import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Rig, remembered } from './remembering-rig.ts';

const evaluate = ['nix-instantiate', '--eval', '--strict', 'default.nix'] as const;

describe('evaluations', () => {
  test('are remembered until something that they read is another', () => {
    using rig = new Rig();
    mkdirSync(rig.path('folder'));
    rig.write('value', 'one');
    rig.write('other', 'one');
    rig.write(
      'default.nix',
      '{ a }: [ a (builtins.readFile ./value) (builtins.attrNames (builtins.readDir ./folder)) (builtins.getEnv "LEVEL") builtins.currentSystem (builtins.tryEval <here/x>).success ]',
    );
    const system = ['--option', 'system', 'x-y'];
    const zero = ['--arg', 'a', '0'];
    const changes: readonly (readonly [change: () => void, args: readonly string[], answer: string])[] = [
      [() => undefined, zero, '[ 0 "one" [ ] "" "x-y" false ]'],
      [() => rig.write('value', 'two'), zero, '[ 0 "two" [ ] "" "x-y" false ]'],
      [() => rig.write('folder/x', ''), zero, '[ 0 "two" [ "x" ] "" "x-y" false ]'],
      [() => (rig.variables = { LEVEL: '1' }), zero, '[ 0 "two" [ "x" ] "1" "x-y" false ]'],
      [() => undefined, ['--arg', 'a', '1 + 1'], '[ 2 "two" [ "x" ] "1" "x-y" false ]'],
      [() => undefined, [...zero, '--option', 'system', 'z'], '[ 0 "two" [ "x" ] "1" "z" false ]'],
      [() => undefined, [...zero, '-I', 'here=folder'], '[ 0 "two" [ "x" ] "1" "x-y" true ]'],
    ];
    for (const [change, args, answer] of changes) {
      change();
      const all = [...system, ...args, '-I', 'here=.'];
      assert.deepEqual(rig.ask(...evaluate, ...all), [answer, false]);
      rig.write('other', answer);
      assert.deepEqual(rig.ask(...evaluate, ...all), [answer, true]);
      assert.deepEqual(rig.ask(...evaluate, ...all, '--no-eval-cache'), [answer, false]);
    }
  });

  test('are remembered with what they said, and with their errors', () => {
    using rig = new Rig();
    rig.write('default.nix', 'builtins.trace "so" (builtins.warn "far" (1 + "x"))');
    const [first, second] = [rig.run(...evaluate), rig.run(...evaluate)];
    assert.equal(first.status, 1);
    assert.match(first.stderr, /trace: so\nevaluation warning: far\nerror:/);
    assert.match(second.stderr, remembered);
    assert.equal(second.stderr.replace(remembered, ''), first.stderr);
  });

  test('are not remembered where they look at the clock', () => {
    using rig = new Rig();
    rig.write('default.nix', 'builtins.currentTime');
    for (const _ of [1, 2]) assert.match(String(rig.ask(...evaluate)), /^[0-9]+,false$/);
  });

  test('of which the records are damaged are done anew', () => {
    using rig = new Rig();
    rig.write('default.nix', '"x"');
    for (const isRemembered of [false, true]) assert.deepEqual(rig.ask(...evaluate), ['"x"', isRemembered]);
    const folder = rig.path('cache/nix/firn-evaluations-v2');
    for (const name of readdirSync(folder)) rig.write(`cache/nix/firn-evaluations-v2/${name}`, 'damaged');
    for (const isRemembered of [false, true]) assert.deepEqual(rig.ask(...evaluate), ['"x"', isRemembered]);
  });

  test('that several do at once, while files change, are never those of other files', async () => {
    using rig = new Rig();
    rig.write('default.nix', '[ (builtins.readFile ./value) (builtins.readFile ./value) ]');
    rig.write('jobs.nix', '{ a = derivation { name = builtins.readFile ./value; system = "x"; builder = "/b"; }; }');
    rig.write('flake/flake.nix', '{ outputs = _: { v = builtins.readFile ./value; }; }');
    const values = ['value', 'flake/value'];
    const commands = [
      evaluate,
      evaluate,
      ['firn', 'eval-jobs', 'jobs.nix', '--workers', '2'],
      ['nix', 'eval', './flake#v'],
      ['nix', 'eval', './flake#v'],
    ] as const;
    for (const name of values) rig.write(name, 'v0');
    for (let round = 1; round <= 3; round++) {
      const running = commands.map(([command, ...args]) => rig.start(command, ...args));
      for (const name of values) rig.overwrite(name, `v${round}`);
      for (const { status, stdout, stderr } of await Promise.all(running)) {
        assert.equal(status, 0, stderr);
        assert.match(stdout.toString(), new RegExp(`v[${round - 1}${round}]`));
      }
      for (const [command, ...args] of commands) {
        const { stdout } = rig.run(command, ...args);
        assert.match(stdout.toString(), new RegExp(`v${round}`), `${command} ${args.join(' ')}`);
      }
    }
  });

  test('have the store as they want it, remembered or not', () => {
    using rig = new Rig();
    rig.write('source', 'text');
    rig.write('default.nix', 'derivation { name = "x"; system = "s"; builder = ./source; }');
    const [derivation, isRemembered] = rig.ask('nix-instantiate', 'default.nix');
    assert.equal(isRemembered, false);
    assert.deepEqual(rig.ask('nix-instantiate', 'default.nix'), [derivation, true]);
    assert.equal(rig.run('nix-store', '--delete', derivation).status, 0);
    assert.equal(existsSync(derivation), false);
    assert.deepEqual(rig.ask('nix-instantiate', 'default.nix'), [derivation, false]);
    assert.equal(existsSync(derivation), true);
  });

  test('of all commands are remembered', () => {
    using rig = new Rig();
    rig.write('default.nix', '{ a = derivation { name = "x"; system = "s"; builder = "/b"; }; }');
    const commands = [
      ['nix-build', '--dry-run', '-A', 'a'],
      ['nix', 'build', '--dry-run', '-f', 'default.nix', 'a'],
      ['nix', 'eval', '-f', 'default.nix', 'a.drvPath'],
      ['nix', 'eval', '--json', '--expr', '{ a = [ 1 ]; }'],
    ] as const;
    for (const [command, ...args] of commands) {
      const [text, isRemembered] = rig.ask(command, ...args);
      assert.equal(isRemembered, false, text);
      assert.deepEqual(rig.ask(command, ...args), [text, true]);
    }
  });

  test('see what they built change, and build again what is gone', () => {
    using rig = new Rig();
    rig.write(
      'default.nix',
      `let made = derivation { name = "made"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo '\\"' > $out" ]; v = builtins.readFile ./value; };
       in builtins.readFile made + builtins.readFile ./value`,
    );
    rig.write('value', 'one');
    const command = [...evaluate, '--read-write-mode'] as const;
    const answer = '"\\"\\none"';
    assert.deepEqual(rig.ask(...command), [answer, false]);
    assert.deepEqual(rig.ask(...command), [answer, true]);
    const objects = rig.path('store');
    const made = readdirSync(objects).find(name => name.endsWith('-made')) ?? '';
    assert.equal(rig.run('nix-store', '--delete', join(objects, made)).status, 0);
    assert.deepEqual(rig.ask(...command), [answer, false]);
    assert.equal(existsSync(join(objects, made)), true);
    rmSync(rig.path('value'));
    rig.write('value', 'two');
    assert.deepEqual(rig.ask(...command), ['"\\"\\ntwo"', false]);
  });

  test('see a repository that they fetch change, commit by commit and file by file', () => {
    using rig = new Rig();
    rig.write('text', 'one');
    rig.git('init', '--quiet');
    rig.git('add', 'text');
    rig.git('commit', '--quiet', '--message=one');
    rig.write('default.nix', 'let tree = fetchGit ./.; in [ (builtins.readFile (tree + "/text")) (tree ? dirtyRev) ]');
    const steps: readonly (readonly [change: () => void, answer: string])[] = [
      [() => undefined, '[ "one" false ]'],
      [() => rig.write('text', 'two'), '[ "two" true ]'],
      [() => rig.git('commit', '--quiet', '--all', '--message=two'), '[ "two" false ]'],
    ];
    for (const [change, answer] of steps) {
      change();
      assert.deepEqual(rig.ask(...evaluate), [answer, false]);
      rig.write('unknown', answer);
      assert.deepEqual(rig.ask(...evaluate), [answer, true]);
    }
  });
});
