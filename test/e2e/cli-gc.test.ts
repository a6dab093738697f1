import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, runCli } from './run-cli.ts';

/** Commands on a store of their own. */
function makeRig() {
  const folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  const env = { HOME: folder.path, NIX_STORE_DIR: at('store'), NIX_STATE_DIR: at('state') };
  const run = (program: string, ...args: string[]): CliResult => runCli(program, args, { env, cwd: folder.path });
  const succeed = (program: string, ...args: string[]): string => {
    const result = run(program, ...args);
    assert.equal(result.status, 0, result.stderr);
    return result.stdout.toString();
  };
  return {
    at,
    run,
    succeed,
    add: (name: string) => {
      writeFileSync(at(name), `contents of ${name}\n`);
      return succeed('nix-store', '--add', name).trim();
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('collecting garbage', () => {
  test('prints roots, what is live and what is dead, and deletes that', () => {
    using rig = makeRig();
    const [kept, dead] = [rig.add('kept'), rig.add('dead')];
    const link = rig.at('link');
    assert.equal(rig.succeed('nix-store', '--realise', kept, '--add-root', link), `${link}\n`);
    assert.equal(rig.succeed('nix-store', '--query', '--roots', kept), `${link} -> ${kept}\n`);
    assert.equal(rig.succeed('nix-store', '--gc', '--print-roots'), `"${link}" -> ${kept}\n`);
    assert.equal(rig.succeed('nix-store', '--gc', '--print-live'), `${kept}\n`);
    assert.equal(rig.succeed('nix-store', '--gc', '--print-dead'), `${dead}\n`);
    assert.equal(rig.succeed('nix', 'store', 'gc', '--dry-run'), '1 store paths would be deleted\n');
    assert.equal(rig.succeed('nix-collect-garbage', '--dry-run'), '1 store paths would be deleted\n');
    assert.ok(existsSync(dead));
    assert.match(rig.succeed('nix-store', '--gc'), /^1 store paths deleted, 0\.[0-9] KiB freed\n$/);
    assert.ok(existsSync(kept) && !existsSync(dead));
  });

  test('of chosen paths refuses what is live, unless told to ignore that', () => {
    using rig = makeRig();
    const kept = rig.add('kept');
    rig.succeed('nix-store', '--realise', kept, '--add-root', rig.at('link'));
    for (const command of [
      ['nix-store', '--delete'],
      ['nix', 'store', 'delete'],
    ]) {
      const [program = '', ...args] = command;
      const refused = rig.run(program, ...args, kept);
      assert.equal(refused.status, 1);
      assert.equal(refused.stdout.toString(), '0 store paths deleted, 0.0 KiB freed\n');
      const advice = 'To find out why, use: nix-store --query --roots and nix-store --query --referrers';
      assert.ok(refused.stderr.includes(`Cannot delete path '${kept}' since it is still alive. ${advice}`));
    }
    assert.match(rig.succeed('nix-store', '--delete', '--ignore-liveness', kept), /^1 store paths deleted/);
    assert.ok(!existsSync(kept));
  });

  test('cleans profiles before', () => {
    using rig = makeRig();
    const profiles = rig.at('state', 'profiles', 'per-user', 'somebody');
    mkdirSync(profiles, { recursive: true });
    for (const number of [1, 2, 3]) {
      const path = rig.add(`generation-${number}`);
      rig.succeed('nix-store', '--realise', path, '--add-root', join(profiles, `p-${number}-link`));
    }
    symlinkSync('p-2-link', join(profiles, 'p'));
    const rehearsed = rig.run('nix-collect-garbage', '--delete-old', '--dry-run');
    assert.match(rehearsed.stderr, /would remove profile version 1\nwould remove profile version 3\n/);
    rig.succeed('nix-collect-garbage', '--delete-older-than', '2d');
    assert.equal(readdirSync(profiles).length, 4);
    const bad = rig.run('nix-collect-garbage', '--delete-older-than', '2w');
    assert.match(bad.stderr, /invalid number of days specifier '2w', expected something like '14d'/);
    assert.match(rig.succeed('nix-collect-garbage', '-d'), /^2 store paths deleted/);
    assert.deepEqual(readdirSync(profiles).toSorted(), ['p', 'p-2-link']);
  });

  test('refuses options that do not go together, and limits that are no numbers', () => {
    using rig = makeRig();
    const refusals: [string[], string][] = [
      [['nix-store', '--gc', '--max-freed', '1', '--print-live'], 'option --max-freed cannot be combined with'],
      [['nix-store', '--gc', '--max-freed', '1X'], "invalid unit specifier 'X'"],
      [['nix-store', '--gc', '--max-freed', 'K'], "'' is not an integer"],
      [['nix-store', '--gc', 'something'], 'no arguments expected'],
      [['nix', 'store', 'gc', '--max', '1', '--dry-run'], 'options --max and --dry-run cannot be combined'],
      [
        ['nix-collect-garbage', '--max-freed', '1', '--dry-run'],
        'options --max-freed and --dry-run cannot be combined',
      ],
      [['nix-collect-garbage', 'something'], "unexpected argument 'something'"],
    ];
    for (const [[program = '', ...args], message] of refusals) {
      const { status, stderr } = rig.run(program, ...args);
      assert.equal(status, 1);
      assert.ok(stderr.includes(`error: ${message}`), stderr);
    }
  });
});
