import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

interface PromptOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
}

/** What `nix repl` says to these lines, as a record of the conversation: both outputs, without colours. */
function converse(
  lines: readonly string[],
  { args = [], cwd }: PromptOptions = {},
): { said: string; complained: string } {
  using folder = temporaryFolder();
  const result = runCli('nix', ['repl', ...args], {
    input: lines.map(line => `${line}\n`).join(''),
    cwd: cwd ?? folder.path,
    env: {
      HOME: folder.path,
      NIX_STATE_DIR: join(folder.path, 'var'),
      NIX_STORE_DIR: join(folder.path, 'store'),
      _NIX_TEST_REPL_ECHO: '1',
    },
  });
  assert.equal(result.status, 0, result.stderr);
  return { said: result.stdout.toString(), complained: result.stderr };
}

describe('nix repl', () => {
  test('evaluates, defines, and takes inputs of several lines', () => {
    const { said, complained } = converse(['x = 1', 'x +', '1', ":p ''", '  a', "''"]);
    assert.equal(
      said,
      "nix-repl> x = 1\n\nnix-repl> x +\n        > 1\n2\n\nnix-repl> :p ''\n        >   a\n        > ''\na\n\n\n\n",
    );
    assert.equal(complained, 'Nix 2.34.8\nType :? for help.\n');
  });

  test('says what is wrong and goes on', () => {
    const { said, complained } = converse(['1 + "a"', 'y', ':nope', ':ll', ':te x', ':b 1', ':lf', ':doc 1', '2']);
    assert.match(said, /nix-repl> 2\n2\n/);
    for (const message of [
      'cannot add a string to an integer',
      "undefined variable 'y'",
      "unknown command ':nope'",
      'nothing has been loaded yet',
      "unexpected argument 'x' to :te",
      "expression does not evaluate to a derivation, so I can't build it",
      "cannot use ':load-flake' without a path specified",
      'value does not have documentation',
    ]) {
      assert.ok(complained.includes(message), message);
    }
  });

  test('loads files, again too, and sets', () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'a.nix');
    writeFileSync(file, '{ n ? 5 }: { a = n; b = 2; }');
    const { said, complained } = converse([`:l ${file}`, 'a', 'b = 3', ':r', 'b', ':a { c = 9; "d e" = 1; }', ':ll'], {
      args: ['--arg', 'n', '7'],
    });
    assert.match(said, /> a\n7\n/);
    assert.match(said, /> b\n2\n/);
    assert.match(said, /> :ll\nc\nd e\n/);
    assert.ok(complained.includes(`Loading "${file}"...\nAdded 2 variables.\na, b\n`), complained);
    assert.ok(complained.includes('Added 2 variables.\nc, "d e"\n'));
  });

  test('says in which file an error arises', () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'a.nix');
    writeFileSync(file, 'throw "x"');
    const { complained } = converse([`import ${file}`], { args: ['--show-trace'] });
    assert.ok(complained.includes(`… while evaluating the file '${file}':`), complained);
  });

  test('starts with files and expressions', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'a.nix'), '{ x = { y = 1; }; }');
    const { said } = converse(['y'], { args: ['--file', join(folder.path, 'a.nix'), 'x'] });
    assert.match(said, /> y\n1\n/);
    assert.match(converse(['z'], { args: ['--expr', '{ z = 3; }'] }).said, /> z\n3\n/);
  });

  test('adds derivations that it shows to the store', () => {
    const lines = [
      '(derivation { name = "n"; system = "s"; builder = "b"; })',
      ':p builtins.pathExists "${builtins.storeDir}"',
    ];
    assert.match(converse(lines).said, /«derivation \/.*\/store\/[a-z0-9]{32}-n\.drv»/);
  });

  test('documents builtins', () => {
    assert.match(converse([':doc builtins.add']).said, /Synopsis: builtins\.add e1 e2\n\nThe sum/);
  });

  test('opens an editor', () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'a.nix');
    writeFileSync(file, 'x: x');
    // The editor is `cat` where none is chosen.
    assert.match(converse([`:e import ${file}`]).said, /x: x/);
  });
});

describe('the debugger', () => {
  const text = '(x: builtins.seq x (throw "oh snap")) (builtins.break 42)';

  test('stops at breaks and errors and shows where', () => {
    const { said, complained } = converse([text, ':c', ':env', ':bt', 'x', ':c', '1'], { args: ['--debugger'] });
    assert.match(said, /static: x \n/);
    assert.match(said, /0: error: oh snap\n/);
    assert.match(said, /while calling anonymous lambda\n«string»:1:2\n/);
    assert.match(said, /> x\n42\n/);
    assert.match(said, /> 1\n1\n/);
    assert.match(complained, /info: breakpoint reached/);
    assert.match(complained, /error: oh snap/);
  });

  test('changes to another place with :st', () => {
    const { said } = converse([`let outer = 1; f = y: ${text}; in f 2`, ':st 4', 'outer + y'], {
      args: ['--debugger'],
    });
    assert.match(said, /> outer \+ y\n3\n/);
  });

  test('is silent about tryEval if asked to be', () => {
    const args = ['--debugger', '--ignore-try'];
    assert.match(converse(['(builtins.tryEval (throw "x")).success'], { args }).said, /\nfalse\n/);
  });
});

const hasScript = spawnSync('script', ['--version']).error === undefined;

/** Types into `nix repl` on a terminal: each text once what it answers is there. */
async function typeInto(
  { signal }: TestContext,
  home: string,
  steps: readonly (readonly [expected: RegExp, typed: string])[],
): Promise<string> {
  const child = spawn('script', ['-qec', `${join(binDir, 'nix')} repl`, '/dev/null'], {
    env: {
      PATH: process.env['PATH'],
      TERM: 'xterm',
      HOME: home,
      NIX_STATE_DIR: join(home, 'var'),
      NIX_STORE_DIR: join(home, 'store'),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
    signal,
  });
  let seen = '';
  let all = '';
  const pending = [...steps];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
    all += chunk;
    const [next] = pending;
    if (next === undefined || !next[0].test(seen)) return;
    pending.shift();
    seen = '';
    child.stdin.write(next[1]);
  });
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  assert.deepEqual(pending, [], all);
  return all;
}

/** Whoever waits for what never comes waits no longer, in milliseconds. */
const timeout = 60_000;

describe('nix repl on a terminal', { skip: !hasScript, timeout }, () => {
  test('edits lines, completes, and keeps a history', async context => {
    using folder = temporaryFolder();
    const prompt = /nix-repl> /;
    const first = await typeInto(context, folder.path, [
      [prompt, 'longName = { abc = 41; }\r'],
      [prompt, 'longNa'],
      [/longNa/, '\t'],
      [/me/, '.a'],
      [/\.a/, '\t'],
      [/bc/, ' + 1\r'],
      [/42[^]*nix-repl> /, '\u0004'],
    ]);
    assert.match(first, /42/);
    const history = join(folder.path, '.local/share/nix/repl-history');
    assert.equal(readFileSync(history, 'utf8'), 'longName = { abc = 41; }\nlongName.abc + 1\n');
    await typeInto(context, folder.path, [
      [prompt, '\u001b[A'],
      [/longName\.abc \+ 1/, '\u0003'],
      [/\^C[^]*nix-repl> /, '1 +\r'],
      [/ {8}> /, '2\r'],
      [/3[^]*nix-repl> /, '\u0004'],
    ]);
  });

  test('Ctrl-C ends an evaluation, not the prompt', async context => {
    using folder = temporaryFolder();
    const all = await typeInto(context, folder.path, [
      [
        /nix-repl> /,
        'let f = n: if n == 0 then builtins.trace "busy" (f 1) else f 1; loop = builtins.genericClosure { startSet = [ { key = 0; } ]; operator = i: [ { key = builtins.trace "busy" (i.key + 1); } ]; }; in loop\r',
      ],
      [/trace: busy[^]*trace: busy/, '\u0003'],
      [/interrupted[^]*nix-repl> /, '40 + 2\r'],
      [/42[^]*nix-repl> /, '\u0004'],
    ]);
    assert.match(all, /interrupted by the user/);
  });
});
