import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { runCli } from './run-cli.ts';

const jobs = `
{ greeting ? "hello" }:
let
  make = name: more: derivation ({
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" "echo \${greeting} > $out" ];
  } // more);
  # Each is built only while the others are, too.
  names = [ "a" "b" "c" "d" ];
  meeting = name: make "meeting-\${name}" {
    args = [ "-c" ''
      touch "$folder/meeting-\${name}"
      for other in \${toString names}; do
        n=0
        while [ ! -e "$folder/meeting-$other" ]; do n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.1; done
      done
      echo '"\${name}"' > $out
    '' ];
    folder = toString ./.;
  };
in
{
  plain = make "plain" { } // { meta = { description = "plain"; platforms = [ "a" ]; odd = x: x; }; };
  several = make "several" { outputs = [ "out" "dev" ]; };
  wrong = throw "no such job";
  number = 3;
  hidden = { inside = make "inside" { }; };
  set = {
    recurseForDerivations = true;
    "with.dot" = make "dotted" { input = make "input" { }; };
    deeper = { recurseForDerivations = true; job = builtins.trace "said once" (make "deep" { }); };
    called = { greeting ? "none" }: make "called-\${greeting}" { };
  };
  imports = { recurseForDerivations = true; }
    // builtins.listToAttrs (map (name: { inherit name; value = make "importing-\${import (meeting name)}" { }; }) names);
  all = make "all" { _hydraAggregate = true; constituents = [ "plain" "set.deeper.job" (make "own" { }) ]; };
  some = make "some" { _hydraAggregate = true; _hydraGlobConstituents = true; constituents = [ "set.*" "all" ]; };
  broken = make "broken" { _hydraAggregate = true; constituents = [ "wrong" "absent" ]; };
}
`;

describe('firn eval-jobs', () => {
  const temporary = temporaryFolder();
  const { path: folder } = temporary;
  const run = (...args: string[]) => {
    const env = {
      HOME: folder,
      TMPDIR: folder,
      NIX_STORE_DIR: join(folder, 'store'),
      NIX_STATE_DIR: join(folder, 'var'),
      NIX_CONFIG: 'substituters =\nsandbox = false\nbuild-users-group =\nmax-jobs = 4',
      NO_COLOR: '1',
    };
    const { status, stdout, stderr } = runCli('firn', ['eval-jobs', ...args], { env, cwd: folder });
    const lines = stdout
      .toString()
      .split('\n')
      .filter(line => line !== '');
    const byName = new Map<string, Record<string, unknown>>();
    for (const line of lines) {
      const fields: unknown = JSON.parse(line);
      assert.ok(typeof fields === 'object' && fields !== null && 'attr' in fields && typeof fields.attr === 'string');
      byName.set(fields.attr, { ...fields });
    }
    return { status, stderr, lines: lines.toSorted(), jobs: byName };
  };
  before(() => writeFileSync(join(folder, 'jobs.nix'), jobs));
  after(() => removeTree(folder));

  test('prints a line for each derivation and for each that cannot be evaluated', () => {
    const { status, stderr, jobs: found } = run('jobs.nix', '--workers', '2');
    assert.equal(status, 0, stderr);
    assert.deepEqual([...found.keys()].toSorted(), [
      'all',
      'broken',
      'imports.a',
      'imports.b',
      'imports.c',
      'imports.d',
      'plain',
      'set."with.dot"',
      'set.called',
      'set.deeper.job',
      'several',
      'some',
      'wrong',
    ]);
    const { drvPath, outputs, ...plain } = found.get('plain') ?? {};
    assert.deepEqual(plain, {
      attr: 'plain',
      attrPath: ['plain'],
      cached: false,
      name: 'plain',
      system: `${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-${process.platform}`,
    });
    assert.match(String(drvPath), /-plain\.drv$/);
    assert.ok(existsSync(String(drvPath)), 'it is in the store');
    assert.match(JSON.stringify(outputs), /^\{"out":".*-plain"\}$/);
    assert.match(JSON.stringify(found.get('several')?.['outputs']), /^\{"dev":".*-several-dev","out":".*-several"\}$/);
    assert.match(String(found.get('wrong')?.['error']), /^error:[^]*no such job/);
    assert.equal(found.get('imports.c')?.['name'], 'importing-c');
    assert.match(stderr, /no such job/);
    assert.equal(stderr.match(/^trace: said once$/gm)?.length, 1);
  });

  test('gives the same however many threads there are, and however often they are replaced', () => {
    const evaluate = (...args: string[]) => run('jobs.nix', '--no-eval-cache', ...args);
    const { lines } = evaluate('--workers', '1');
    assert.equal(lines.length, 13);
    assert.deepEqual(evaluate('--workers', '3').lines, lines);
    assert.deepEqual(evaluate('--workers', '2', '--max-memory-size', '1').lines, lines);
    assert.deepEqual(evaluate('--workers', '2', '--no-instantiate').lines, lines);
  });

  test('looks at what it is asked to look at', () => {
    const forced = run('jobs.nix', '--force-recurse', '--argstr', 'greeting', 'hi');
    assert.ok(forced.jobs.has('hidden.inside'));
    assert.notEqual(forced.jobs.get('plain')?.['drvPath'], run('jobs.nix').jobs.get('plain')?.['drvPath']);
    const selected = run('--expr', 'import ./jobs.nix', '--select', 'all: all.set');
    assert.deepEqual([...selected.jobs.keys()].toSorted(), ['"with.dot"', 'called', 'deeper.job']);
    const single = run('--expr', '(import ./jobs.nix { }).plain');
    assert.deepEqual(single.jobs.get('')?.['attrPath'], []);
  });

  test('prints more where that is wanted', () => {
    const { jobs: found } = run(
      'jobs.nix',
      '--meta',
      '--show-input-drvs',
      '--check-cache-status',
      '--apply',
      'job: { length = builtins.stringLength job.name; }',
    );
    const plain = found.get('plain') ?? {};
    assert.deepEqual(plain['meta'], { description: 'plain', platforms: ['a'] });
    assert.deepEqual(plain['extraValue'], { length: 5 });
    assert.deepEqual([plain['cacheStatus'], plain['isCached']], ['notBuilt', false]);
    assert.deepEqual(plain['neededBuilds'], [plain['drvPath']]);
    assert.match(JSON.stringify(found.get('set."with.dot"')?.['inputDrvs']), /^\{".*-input\.drv":\["out"\]\}$/);
    const { jobs: fresh } = run('jobs.nix', '--show-imports', '--argstr', 'greeting', 'imports');
    assert.match(JSON.stringify(fresh.get('imports.b')?.['importsFromDerivation']), /-meeting-b\.drv\^out"\]$/);
  });

  test('keeps derivations by links', () => {
    const roots = join(folder, 'roots');
    mkdirSync(roots);
    const { jobs: found } = run('jobs.nix', '--gc-roots-dir', roots);
    const kept = [...found.values()].flatMap(({ drvPath }) => (typeof drvPath === 'string' ? [drvPath] : []));
    assert.deepEqual(
      readdirSync(roots).toSorted(),
      [...new Set(kept)].map(path => path.slice(path.lastIndexOf('/') + 1)).toSorted(),
    );
  });

  test('makes aggregates need what they name', () => {
    const { jobs: found } = run('jobs.nix', '--constituents');
    const drvOf = (name: string) => String(found.get(name)?.['drvPath']);
    const all = found.get('all')?.['constituents'];
    assert.ok(Array.isArray(all));
    assert.deepEqual(all.slice(1), [drvOf('plain'), drvOf('set.deeper.job')]);
    assert.match(String(all[0]), /-own\.drv$/);
    assert.notEqual(drvOf('all'), String(run('jobs.nix').jobs.get('all')?.['drvPath']));
    const some = found.get('some')?.['constituents'];
    assert.ok(
      Array.isArray(some) && some.includes(drvOf('all')),
      'aggregates of aggregates have their new derivations',
    );
    assert.match(String(found.get('broken')?.['error']), /^wrong: error:[^]*\nabsent: does not exist\n$/);
  });

  test('fails where there is nothing to look at', () => {
    const thrown = run('--expr', 'throw "not today"');
    assert.equal(thrown.status, 1);
    assert.match(thrown.stderr, /^error:[^]*not today/);
    assert.match(run('absent.nix').stderr, /absent\.nix' does not exist/);
    assert.match(run().stderr, /needs a file, an expression/);
    assert.match(run('jobs.nix', '--workers', '0').stderr, /takes a positive number, not '0'/);
  });
});
