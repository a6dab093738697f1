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
    // The second pass asks what the files refer to.
    assert.equal(value, '[ "x" "y" ]');
    assert.deepEqual(
      needs.map(each => each.map(({ kind }) => kind)),
      [
        ['output', 'output'],
        ['validity', 'validity'],
      ],
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
    assert.equal(needs.length, 1);
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

describe('exploring', () => {
  const files = Object.fromEntries(['a', 'b', 'c'].map((name, index) => [placeOf(name), String(index)] as const));
  const [a, b, c] = ['a', 'b', 'c'].map(name => `(import ${drv(name)})`);

  /** How many passes it takes to find what is needed. */
  function passesOf(text: string): { readonly value: string | undefined; readonly passes: number } {
    const { value, needs } = run(text, { io: memoryEvalIO(files) });
    return { value, passes: needs.length };
  }

  for (const [what, text, value] of [
    ['a list', `[ ${a} ${b} ${c} ]`, '[ 0 1 2 ]'],
    ['a set', `{ a = ${a}; b = [ ${b} ]; c = ${c}; }`, '{ a = 0; b = [ 1 ]; c = 2; }'],
    ['toJSON', `builtins.toJSON { a = ${a}; b = [ ${b} { c = ${c}; } ]; }`, '"{\\"a\\":0,\\"b\\":[1,{\\"c\\":2}]}"'],
    ['toXML', `builtins.stringLength (builtins.toXML { a = ${a}; b = [ ${b} ${c} ]; })`, '242'],
    ['deepSeq', `builtins.deepSeq [ ${a} { b = ${b}; c = ${c}; } ] 1`, '1'],
    ['a string of several parts', `"\${toString ${a}}-\${toString ${b}}-\${toString ${c}}"`, '"0-1-2"'],
    ['a sum', `${a} + ${b} + ${c}`, '3'],
    ['a list that becomes a string', `toString [ ${a} [ ${b} ${c} ] ]`, '"0 1 2"'],
    ['concatStringsSep', `builtins.concatStringsSep "," (map toString [ ${a} ${b} ${c} ])`, '"0,1,2"'],
    [
      'updates',
      `(x: { inherit x; }) 1 // { "\${toString ${a}}" = 1; } // { "\${toString ${b}}" = 2; }`,
      '{ "0" = 1; "1" = 2; x = 1; }',
    ],
    [
      'lists that are concatenated',
      `[ 1 ] ++ builtins.genList (x: x) ${b} ++ builtins.genList (x: x) ${c}`,
      '[ 1 0 0 1 ]',
    ],
    ['concatMap', `builtins.concatMap (x: if x > 0 then [ x ] else [ ]) [ ${a} ${b} ${c} ]`, '[ 1 2 ]'],
    ['filter', `builtins.filter (x: x > 0) [ ${a} ${b} ${c} ]`, '[ 1 2 ]'],
    ['a fold', `builtins.foldl' (sum: x: sum + x) 0 [ ${a} ${b} ${c} ]`, '3'],
    [
      'names',
      `builtins.listToAttrs (map (x: { name = "n\${toString x}"; value = x; }) [ ${a} ${b} ])`,
      '{ n0 = 0; n1 = 1; }',
    ],
    [
      'a derivation',
      `(derivation { name = "d"; system = "s"; builder = "b"; args = [ ${a} ${b} ]; x = ${c}; }).name`,
      '"d"',
    ],
    [
      'a derivation',
      `(derivation { name = "d"; system = "s"; builder = "b"; args = [ ${a} ${b} ]; x = ${c}; }).outputName`,
      '"out"',
    ],
  ] as const) {
    test(`finds all that ${what} needs at a time`, () => {
      const found = passesOf(text);
      assert.equal(found.value, value);
      assert.ok(found.passes <= 1, `${found.passes} passes`);
    });
  }

  test('finds what the attributes of a derivation need, structured ones, too', () => {
    const attributes = `name = "d"; system = "s"; builder = "b"; args = [ "\${toString ${a}}" "\${toString ${b}}" ]; x = [ ${c} ];`;
    assert.equal(passesOf(`(derivation { ${attributes} }).drvPath`).passes, 1);
    assert.equal(passesOf(`(derivation { __structuredAttrs = true; ${attributes} }).drvPath`).passes, 1);
  });

  test('takes chains of imports a link at a time, side by side', () => {
    const after = (first: string | undefined, name: string) =>
      `(import (if ${first} >= 0 then ${drv(name)} else throw "no"))`;
    const chain = after(after(a, 'b'), 'c');
    assert.deepEqual(passesOf(`[ ${chain} ${after(after(b, 'c'), 'a')} "\${toString ${chain}}" ]`), {
      value: '[ 2 0 "2" ]',
      // Each begins elsewhere: the third link of one is the second of another.
      passes: 2,
    });
  });

  test('says nothing before its turn', () => {
    const { value, said, needs } = run(
      `let shared = builtins.trace "shared" 5; x = import ${drv('a')};
       in [ (builtins.trace "1" x) (builtins.trace "2" (shared + import ${drv('b')})) (builtins.trace "3" shared)
            (builtins.warn "4" (import ${drv('c')})) (builtins.seq x 1) ]`,
      { io: memoryEvalIO(files) },
    );
    assert.equal(value, '[ 0 6 5 2 1 ]');
    assert.equal(needs.length, 1);
    assert.deepEqual(said, ['1', '2', 'shared', '3', '4']);
  });

  test('fails of nothing before its turn', () => {
    const failing = run(`[ (import ${drv('a')}) (throw "second") (import ${drv('b')}) ]`, {
      io: memoryEvalIO(files),
      answer: () => ({ kind: 'failed', error: new EvalError('eval/error', 'first') }),
    });
    assert.equal(failing.error?.message, 'first');
    const later = run(`[ (import ${drv('a')}) (throw "second") (import ${drv('b')}) ]`, {
      io: memoryEvalIO(files),
      answer: need =>
        isOf(need, 'b') ? { kind: 'failed', error: new EvalError('eval/error', 'third') } : present(need),
    });
    assert.match(later.error?.message ?? '', /second/);
    const caught = run(
      `let x = throw "x"; in [ (import ${drv('a')}) (builtins.tryEval x).success (builtins.addErrorContext "here" x) ]`,
      { io: memoryEvalIO(files) },
    );
    const direct = run('let x = throw "x"; in [ 1 (builtins.tryEval x).success (builtins.addErrorContext "here" x) ]', {
      io: memoryEvalIO(files),
    });
    assert.deepEqual(
      caught.error?.traces.map(({ text }) => text),
      direct.error?.traces.map(({ text }) => text),
    );
  });

  for (const [what, twice] of [
    ['lists', 'x: [ x x ]'],
    ['sets', 'x: { a = x; b = x; }'],
    ['strings', 'x: "${builtins.substring 0 1 (toString x)}${builtins.substring 0 1 (toString x)}"'],
    ['sums', 'x: x + x'],
    ['derivations', 'x: (derivation { name = "d"; system = "s"; builder = "b"; args = [ x x ]; y = x; }).outPath'],
  ] as const) {
    test(`visits what ${what} share once`, () => {
      const text = `builtins.deepSeq (builtins.foldl' (x: _: (${twice}) x) (toString ${a}) (builtins.genList (n: n) 20)) 1`;
      assert.deepEqual(passesOf(what === 'sums' ? text.replace(`(toString ${a})`, a ?? '') : text), {
        value: '1',
        passes: 1,
      });
    });
  }

  test('nobody notices', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const text = randomExpression(seed);
      const known = memoryEvalIO(files);
      // What is known at once suspends nothing.
      const direct = run(text, { io: { ...known, locate: need => known.locate(need) ?? present(need) } });
      const suspended = run(text, { io: memoryEvalIO(files) });
      assert.equal(direct.needs.length, 0);
      assert.deepEqual(outcomeOf(suspended), outcomeOf(direct), text);
    }
  });

  function outcomeOf({ value, error, said }: Run) {
    return { value, said, message: error?.message, traces: error?.traces.map(({ text }) => text) };
  }
});

function isOf(need: EvalNeed, name: string): boolean {
  return (
    need.kind === 'output' &&
    need.path.derivation.kind === 'opaque' &&
    need.path.derivation.path.endsWith(`-${name}.drv`)
  );
}

/** An expression of what suspends, speaks, fails and is shared, which the seed determines. */
function randomExpression(seed: number): string {
  let state = seed * 2654435761;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const one = (choices: readonly string[]) => choices[random(choices.length)] ?? '';
  const imported = () => `(import ${drv(one(['a', 'b', 'c']))})`;
  const shared = ['s0', 's1', 's2'];
  let traces = 0;
  const int = (depth: number): string => {
    if (depth === 0) return one([imported(), imported(), '1', one(shared)]);
    const inner = () => int(depth - 1);
    switch (random(11)) {
      case 0:
        return `(builtins.trace "t${traces++}" ${inner()})`;
      case 1:
        return random(4) === 0 ? `(throw "e${traces++}")` : inner();
      case 2:
        return `(${inner()} + ${inner()})`;
      case 3:
        return `(builtins.foldl' (x: y: x + y) ${inner()} [ ${inner()} ${inner()} ])`;
      case 4:
        return `(let r = builtins.tryEval ${inner()}; in if r.success then r.value else 7)`;
      case 5:
        return `(builtins.deepSeq [ ${inner()} { x = ${inner()}; y = ${inner()}; } ] ${inner()})`;
      case 6:
        return `(builtins.stringLength "\${toString ${inner()}}\${toString ${inner()}}")`;
      case 7:
        return `(builtins.length (builtins.concatMap (x: if x > 1 then [ x ] else [ ]) [ ${inner()} ${inner()} ]))`;
      case 8:
        return `(builtins.warn "w${traces++}" ${inner()})`;
      case 9:
        return `(builtins.stringLength (toString [ ${inner()} ${inner()} ]))`;
      default:
        return one(shared);
    }
  };
  const definitions = shared.map(
    (name, index) => `${name} = ${index === 0 ? int(1) : int(2).replaceAll(/\bs[12]\b/g, 's0')};`,
  );
  return `let ${definitions.join(' ')} in [ ${int(3)} ${int(3)} { a = ${int(2)}; b = ${int(3)}; } (${int(2)}) ]`;
}

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
