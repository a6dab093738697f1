import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText, bytesOf, displayBytes } from '../base/index.ts';
import { defaultStoreDir, parseStorePathIn } from '../nix-compat/index.ts';
import { type MemoryEvalIO, memoryEvalIO } from '../testing/index.ts';
import { EvalError } from './eval-error.ts';
import { Evaluator, type EvaluatorOptions } from './evaluator.ts';
import { type EvalNeed, type NeedAnswer, Suspension } from './needs.ts';
import { printAmbiguous } from './print-ambiguous.ts';

const drv = (name: string) => `(derivation { name = "${name}"; builder = "/b"; system = "s"; })`;

/** Where the output of a derivation that is built will be. */
function placeOf(name: string): string {
  const evaluator = new Evaluator({ io: memoryEvalIO() });
  return printed(evaluator, `${drv(name)}.outPath`).slice(1, -1);
}

function printed(evaluator: Evaluator, text: string): string {
  const source = bytesOf(byteStringFromText(text));
  const tree = evaluator.parse(source, { kind: 'text', name: '«string»' }, byteStringFromText('/'));
  const value = evaluator.evaluate(tree);
  evaluator.forceDeep(value);
  return displayBytes(printAmbiguous(evaluator, value));
}

interface Run {
  readonly value?: string;
  readonly error?: EvalError;
  /** Of each pass but the last, what it needed. */
  readonly needs: readonly (readonly EvalNeed[])[];
  readonly said: readonly string[];
}

interface RunOptions extends Partial<EvaluatorOptions> {
  readonly io: MemoryEvalIO;
  readonly answer?: (need: EvalNeed) => NeedAnswer;
}

/** Evaluates in passes; outputs are where they will be unless `answer` says something else. */
function run(text: string, { io, answer = present, ...options }: RunOptions): Run {
  const evaluator = new Evaluator({ io, ...options });
  const source = bytesOf(byteStringFromText(text));
  const tree = evaluator.parse(source, { kind: 'text', name: '«string»' }, byteStringFromText('/'));
  const word = evaluator.delay(tree);
  const needs: (readonly EvalNeed[])[] = [];
  const said = () => io.said.map(message => message.text);
  try {
    for (;;) {
      const pass = evaluator.pass(() => {
        const value = evaluator.force(word);
        evaluator.forceDeep(value);
        return displayBytes(printAmbiguous(evaluator, value));
      });
      if (pass.kind === 'done') return { value: pass.value, needs, said: said() };
      needs.push(pass.needs);
      for (const need of pass.needs) evaluator.answer(need, answer(need));
    }
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return { error, needs, said: said() };
  }
}

/** Outputs are where they will be; nothing else is there. */
function present(need: EvalNeed): NeedAnswer {
  if (need.kind !== 'output' || need.path.derivation.kind !== 'opaque') return { kind: 'absent' };
  const name = need.path.derivation.path.slice(33, -'.drv'.length);
  const path = parseStorePathIn(defaultStoreDir, byteStringFromText(placeOf(name)));
  return { kind: 'object', path, references: [] };
}

describe('evaluation in passes', () => {
  test('goes on when what it needs is there', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '{ a = 1; }' });
    const { value, needs } = run(`(import ${drv('x')}).a`, { io });
    assert.equal(value, '1');
    assert.deepEqual(
      needs.flat().map(({ kind }) => kind),
      ['output'],
    );
    assert.equal(needs[0]?.[0]?.position?.line, 1);
  });

  test('asks once for each thing, and for all that one string needs at a time', () => {
    const io = memoryEvalIO({ [placeOf('x')]: 'x', [placeOf('y')]: 'y' });
    const both = `builtins.readFile (builtins.substring 0 ${placeOf('x').length} "\${x}\${y}")`;
    const { value, needs } = run(`let x = ${drv('x')}; y = ${drv('y')}; in [ (${both}) (builtins.readFile y) ]`, {
      io,
    });
    // The second pass asks what the file refers to.
    assert.equal(value, '[ "x" "y" ]');
    assert.deepEqual(
      needs.map(each => each.map(({ kind }) => kind)),
      [['output', 'output'], ['validity'], ['validity']],
    );
  });

  test('keeps what it has evaluated, and says nothing twice', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '2', [placeOf('y')]: '3' });
    const { value, said, needs } = run(
      `let done = builtins.trace "done" 1; shared = builtins.trace "shared" (import ${drv('x')});
       again = builtins.trace "again" (import ${drv('y')});
       in builtins.trace "top" (done + shared + builtins.warn "careful" again + builtins.trace "top" 0)`,
      { io },
    );
    assert.equal(value, '6');
    assert.equal(needs.length, 2);
    assert.deepEqual(said, ['top', 'done', 'shared', 'careful', 'again', 'top']);
  });

  test('says again what is meant to be said again', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '2' });
    const { said } = run(`let f = x: builtins.trace "f" x; in [ (f 1) (f (import ${drv('x')})) (f 3) ]`, { io });
    assert.deepEqual(said, ['f', 'f', 'f']);
  });

  test('is not caught by tryEval, and fails nothing', () => {
    const io = memoryEvalIO({ [placeOf('x')]: 'throw "x"' });
    const { value } = run(
      `let x = import ${drv('x')}; in [ (builtins.tryEval x).success (builtins.tryEval [ x ]).success ]`,
      {
        io,
      },
    );
    assert.equal(value, '[ false true ]');
  });

  test('fails where it asked for what cannot be had', () => {
    const error = new EvalError('eval/error', 'no luck');
    const found = run(`let f = x: import x; in f ${drv('x')}`, {
      io: memoryEvalIO(),
      showTrace: true,
      answer: () => ({ kind: 'failed', error }),
    });
    assert.equal(found.error?.message, 'no luck');
    const traces = found.error?.traces.map(({ text }) => text.replaceAll(/\x1b\[[0-9;]*m/g, ''));
    assert.deepEqual(traces, [
      'from call site',
      "while calling 'f'",
      "while calling the 'import' builtin",
      `while realising the context of path '${placeOf('x')}'`,
    ]);
  });

  test('can be refused what has to be built, or warned of it', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '1' });
    const text = `import ${drv('x')}`;
    const refused = run(text, { io, importFromDerivation: 'refused' });
    assert.match(refused.error?.message ?? '', /^cannot build '.*-x\.drv\^out.*' during evaluation because the option/);
    const { said } = run(text, { io, importFromDerivation: 'traced' });
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /^built '.*-x\.drv\^out.*' during evaluation due to an import from derivation$/);
  });

  test('lets a pure evaluation look at what was built for it', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '1' });
    assert.equal(run(`import ${drv('x')}`, { io, purity: 'pure' }).value, '1');
  });

  test('outside of passes is a suspension, after which it may be begun in passes', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '1' });
    const evaluator = new Evaluator({ io });
    assert.throws(() => printed(evaluator, `let x = import ${drv('x')}; in [ x ]`), Suspension);
    const pass = evaluator.pass(() => printed(evaluator, `import ${drv('x')}`));
    assert.equal(pass.kind, 'suspended');
  });

  test('visits what is shared once a pass', () => {
    const io = memoryEvalIO({ [placeOf('x')]: '1' });
    const levels = Array.from(
      { length: 20 },
      (_, n) => `v${n + 1} = (builtins.tryEval v${n}).value + (builtins.tryEval v${n}).value;`,
    );
    const { value, needs } = run(`let v0 = import ${drv('x')}; ${levels.join(' ')} in v20`, { io });
    assert.equal(value, String(2 ** 20));
    assert.equal(needs.length, 1);
  });
});

describe('what depends on the store', () => {
  const path = '/nix/store/1rz4g4znpzjwh1xymhjpm42vipw92pr7-foo';

  test('is not valid unless somebody says so', () => {
    const string = `(builtins.appendContext "${path}" { "${path}".path = true; })`;
    const answer = (need: EvalNeed): NeedAnswer =>
      need.kind === 'presence' ? { kind: 'object', path: need.path, references: [] } : { kind: 'absent' };
    const io = memoryEvalIO();
    const message = (text: string) => run(text, { io, answer }).error?.message.replaceAll(/\x1b\[[0-9;]*m/g, '');
    assert.equal(message(`builtins.readFile ${string}`), "path '1rz4g4znpzjwh1xymhjpm42vipw92pr7-foo' is not valid");
    assert.equal(
      message(`builtins.findFile [ { path = ${string}; prefix = ""; } ] "x"`),
      `cannot find '${path}', since path '1rz4g4znpzjwh1xymhjpm42vipw92pr7-foo' is not valid`,
    );
  });

  test('files depend on what they mention', () => {
    const reference = '2rz4g4znpzjwh1xymhjpm42vipw92pr7-bar';
    const other = '3rz4g4znpzjwh1xymhjpm42vipw92pr7-other';
    const io = memoryEvalIO({ [path]: `see /nix/store/${reference}/x` });
    const references = [reference, other].map(name =>
      parseStorePathIn(io.storeDir, byteStringFromText(`/nix/store/${name}`)),
    );
    const answer = (need: EvalNeed): NeedAnswer =>
      need.kind === 'validity' ? { kind: 'object', path: need.path, references } : { kind: 'absent' };
    const { value } = run(`builtins.attrNames (builtins.getContext (builtins.readFile ${path}))`, { io, answer });
    assert.equal(value, `[ "/nix/store/${reference}" ]`);
  });

  test('derivations of the store are imported as what made them', () => {
    const io = memoryEvalIO();
    const { value } = run(
      `let d = import ${drv('x')}.drvPath; in [ d.outPath d.name d.type d.outputName (d.all == [ d.out ]) ]`,
      {
        io: { ...io, locate: () => undefined },
        answer: need => {
          if (need.kind !== 'validity') return { kind: 'absent' };
          return { kind: 'object', path: need.path, references: [] };
        },
      },
    );
    assert.equal(value, `[ "${placeOf('x')}" "x" "derivation" "out" true ]`);
  });
});
