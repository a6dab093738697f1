import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { runCli } from './run-cli.ts';

/** Derivations whose outputs are there without a build: their contents are known, and added by hand. */
describe('evaluation that needs outputs of derivations', () => {
  const folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  const env = { NIX_STORE_DIR: place('store'), NIX_STATE_DIR: place('state'), NIX_CONFIG: 'substituters =' };
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = runCli(program, args, { env, cwd: folder.path });
    return { status, stdout: stdout.toString().trim(), stderr };
  };
  const fixed = (name: string) => `(derivation {
    name = "${name}"; system = "s"; builder = "/b"; outputHashMode = "flat"; outputHashAlgo = "sha256";
    outputHash = builtins.hashFile "sha256" ${place(name)};
  })`;

  before(() => {
    for (const [name, text] of [
      ['set.nix', '{ a = builtins.trace "in set.nix" 1; }'],
      ['list.nix', '[ (builtins.trace "in list.nix" 2) ]'],
    ] as const) {
      writeFileSync(place(name), text);
      assert.equal(run('nix-store', '--add-fixed', 'sha256', place(name)).status, 0);
    }
    writeFileSync(place('absent.nix'), '3');
  });
  after(() => folder[Symbol.dispose]());

  const both = `let first = builtins.trace "first" 4; in first + (import ${fixed('set.nix')}).a + builtins.head (import ${fixed('list.nix')})`;

  test('nix-instantiate and nix eval go on when they are there, and say all once', () => {
    for (const result of [
      run('nix-instantiate', '--eval', '--read-write-mode', '-E', both),
      run('nix', 'eval', '--extra-experimental-features', 'nix-command', '--impure', '--expr', both),
    ]) {
      assert.deepEqual(result, {
        status: 0,
        stdout: '7',
        stderr: 'trace: first\ntrace: in set.nix\ntrace: in list.nix\n',
      });
    }
  });

  test('nix repl, too', () => {
    const { stdout } = runCli('nix', ['repl', '--extra-experimental-features', 'nix-command'], {
      env,
      input: `x = import ${fixed('set.nix').replaceAll('\n', ' ')}\nx.a + 1\n`,
    });
    assert.match(stdout.toString(), /\n2\n/);
  });

  test('derivations may be computed from them', () => {
    const text = `derivation { name = "n\${toString (import ${fixed('set.nix')}).a}"; system = "s"; builder = "/b"; }`;
    const { status, stdout } = run('nix-instantiate', '-E', text);
    assert.equal(status, 0);
    assert.match(stdout, /-n1\.drv$/);
  });

  test('what cannot be had fails where it is asked for', () => {
    const { status, stderr } = run(
      'nix-instantiate',
      '--eval',
      '--read-write-mode',
      '-E',
      `import ${fixed('absent.nix')}`,
    );
    assert.equal(status, 1);
    assert.match(stderr, /while calling the 'import' builtin[^]*while realising the context of path '.*-absent\.nix'/);
    const refusing = run(
      'nix-instantiate',
      '--eval',
      '--read-write-mode',
      '--no-allow-import-from-derivation',
      '-E',
      both,
    );
    assert.match(refusing.stderr, /cannot build '.*-set\.nix\.drv\^out' during evaluation because the option/);
  });

  test('where nothing is written, derivations have to be there already', () => {
    const { stderr } = run('nix-instantiate', '--eval', '-E', `import ${fixed('absent.nix')}`);
    assert.match(stderr, /cannot substitute path '.*-absent\.nix' - no write access to the Nix store/);
    const other = run('nix-instantiate', '--eval', '-E', `import ${fixed('absent.nix').replace('"/b"', '"/c"')}`);
    assert.match(other.stderr, /error: path '[a-z0-9]{32}-absent\.nix\.drv' is not valid/);
  });
});

/** Derivations that are built, each on its own or only while others are. */
describe('evaluation that builds', () => {
  const folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  const env = {
    HOME: folder.path,
    TMPDIR: folder.path,
    NIX_STORE_DIR: place('store'),
    NIX_STATE_DIR: place('state'),
    NIX_CONFIG: 'substituters =\nsandbox = false\nbuild-users-group =\nmax-jobs = 4',
    NO_COLOR: '1',
  };
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = runCli(program, args, { env, cwd: folder.path });
    return { status, stdout: stdout.toString().trim(), stderr };
  };
  const evaluate = (...args: string[]) => run('nix-instantiate', '--eval', '--strict', '--read-write-mode', ...args);

  before(() => {
    writeFileSync(
      place('jobs.nix'),
      `let
        make = name: script: more: derivation ({
          inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" script ];
        } // more);
        # Goes on when all of them have begun, and gives up at some time.
        meeting = group: names: map (name: make "\${group}-\${name}" ''
          touch ${folder.path}/\${group}-\${name}
          for other in \${toString names}; do
            n=0
            while [ ! -e ${folder.path}/\${group}-$other ]; do n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.1; done
          done
          echo "\\"\${name}\\"" > $out
        '' { }) names;
        good = name: make name "echo 1 > $out" { };
        bad = make "bad" "exit 3" { };
        above = make "above" "exit 3" { inherit bad; };
      in {
        list = map (d: builtins.trace "one" (import d)) (meeting "list" [ "a" "b" "c" "d" ]);
        variables = let m = meeting "variables" [ "a" "b" "c" "d" ]; i = n: import (builtins.elemAt m n); in
          (make "n" "exit 1" { args = [ (i 0) (i 1) ]; c = i 2; d = i 3; }).name;
        packages = builtins.listToAttrs (map (d: { name = d.name; value = make "p" "exit 1" { x = import d; }; })
          (meeting "packages" [ "a" "b" "c" "d" ]));
        second = [ (import (good "first")) (import bad) (throw "third") ];
        passed = [ (import (good "before")) (throw "thrown") (import bad) ];
        above = import above;
        package = make "package" "exit 1" { a = import (good "needed"); b = import above; };
        paths = map (n: (good "path\${toString n}").outPath) [ 1 2 3 ];
      }`,
    );
  });
  after(() => folder[Symbol.dispose]());

  test('has independent outputs built side by side, and says all once', () => {
    const { status, stdout, stderr } = evaluate('jobs.nix', '-A', 'list');
    assert.equal(status, 0, stderr);
    assert.equal(stdout, '[ "a" "b" "c" "d" ]');
    assert.equal(stderr.match(/^trace: one$/gm)?.length, 4);
    assert.equal(evaluate('jobs.nix', '-A', 'variables').stdout, '"n"');
    const found = run('nix-instantiate', 'jobs.nix', '-A', 'packages');
    assert.equal(found.stdout.split('\n').length, 4, found.stderr);
  });

  test('fails as if they had been built one after the other', () => {
    const second = evaluate('jobs.nix', '-A', 'second');
    assert.match(second.stderr, /list element at index 1[^]*'.*-bad'[^]*Cannot build '.*-bad\.drv'/);
    const passed = evaluate('jobs.nix', '-A', 'passed');
    assert.match(passed.stderr, /list element at index 1[^]*error: thrown/);
    assert.doesNotMatch(passed.stderr, /Cannot build/);
    assert.equal(evaluate('jobs.nix', '-A', 'second', '--keep-going').status, 1);
  });

  test('says what would have been built where nothing can be', () => {
    const { status, stderr } = evaluate('jobs.nix', '-A', 'above', '--max-jobs', '0');
    assert.equal(status, 1);
    assert.match(stderr, /Reason:.*local builds are disabled/);
    assert.match(stderr, /These derivations would have been built:\n.*-(above|bad)\.drv\n.*-(above|bad)\.drv/);
    assert.match(stderr, /while calling the 'import' builtin\n\s+at .*jobs\.nix:\d+:\d+/);
  });

  test('says in a dry run what it would build itself', () => {
    const { status, stdout, stderr } = run('nix-build', 'jobs.nix', '-A', 'package', '--dry-run');
    assert.equal(status, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /the evaluation itself needs[^]*3 derivations will be built:[^]*-needed\.drv/);
    assert.match(stderr, /-bad\.drv/);
  });

  test('names the derivation and the place where it may not build', () => {
    const { stderr } = evaluate('jobs.nix', '-A', 'above', '--no-allow-import-from-derivation');
    assert.match(stderr, /while calling the 'import' builtin\n\s+at .*jobs\.nix:\d+:\d+/);
    assert.match(stderr, /cannot build '.*-above\.drv\^out' during evaluation because the option/);
  });

  test('builds nothing to compute where outputs will be', () => {
    const { stdout, stderr } = evaluate('jobs.nix', '-A', 'paths');
    assert.equal(stderr, '');
    const paths = stdout.match(/"([^"]*)"/g)?.map(path => path.slice(1, -1)) ?? [];
    assert.equal(paths.length, 3);
    assert.deepEqual(
      paths.map(path => existsSync(path)),
      [false, false, false],
    );
  });
});

/** What another Nix has put into the folder of the store, while ours has its own. */
describe('evaluation that meets store paths which the store does not know', () => {
  const folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  const first = '1rz4g4znpzjwh1xymhjpm42vipw92pr7-first';
  const second = '2rz4g4znpzjwh1xymhjpm42vipw92pr7-second';
  const env = {
    HOME: folder.path,
    TMPDIR: folder.path,
    NIX_STORE_DIR: place('nix/store'),
    NIX_STATE_DIR: place('nix/var'),
    NIX_CONFIG: 'substituters =\nsandbox = false\nbuild-users-group =',
  };
  const ours = ['--store', `local?root=${place('ours')}`];
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = runCli(program, args, { env, cwd: folder.path });
    return { status, stdout: stdout.toString().trim(), stderr };
  };
  before(() => {
    mkdirSync(place(`nix/store/${first}`), { recursive: true });
    writeFileSync(place(`nix/store/${first}/default.nix`), `{ see = "${place('nix/store')}/${second}/text"; }`);
    mkdirSync(place(`nix/store/${second}`));
    writeFileSync(place(`nix/store/${second}/text`), 'of another Nix');
  });
  after(() => folder[Symbol.dispose]());

  test('reads them as they are', () => {
    const path = place(`nix/store/${first}`);
    const { stdout, stderr } = run(
      'nix',
      'eval',
      ...ours,
      '--impure',
      '--expr',
      `builtins.readFile (import ${path}).see`,
    );
    assert.equal(stdout, '"of another Nix"', stderr);
    assert.equal(run('nix', 'path-info', ...ours, path).status, 1);
  });

  test('takes them into the store, with what they refer to, where a derivation needs them', () => {
    const text = `derivation { name = "x"; system = "s"; builder = "b"; x = builtins.storePath ${place(`nix/store/${first}`)}; }`;
    const made = run('nix-instantiate', ...ours, '--expr', text);
    assert.equal(made.status, 0, made.stderr);
    const closure = run('nix', 'path-info', ...ours, '--recursive', place(`nix/store/${first}`)).stdout.split('\n');
    assert.deepEqual(closure.toSorted(), [place(`nix/store/${first}`), place(`nix/store/${second}`)]);
    assert.equal(run('nix-store', ...ours, '--verify', '--check-contents').status, 0);
  });
});
