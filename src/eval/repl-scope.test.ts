import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../base/index.ts';
import { startEvaluator } from '../testing/index.ts';
import { printEvaluated } from './print-evaluated.ts';
import { ReplScope, isIncomplete } from './repl-scope.ts';

const folder = byteStringFromText('/');

/** A prompt of which each input is shown as it would be there. */
function startPrompt() {
  const evaluator = startEvaluator();
  const scope = new ReplScope(evaluator, folder);
  const enter = (text: string): string => {
    const input = byteStringFromText(text);
    const definitions = scope.parseDefinitions(input);
    if (definitions === undefined) {
      return printEvaluated(evaluator, scope.evaluateTree(scope.parse(input)), { indent: 2, maxDepth: 1 });
    }
    scope.define(definitions);
    return '';
  };
  return { scope, enter };
}

describe('a growing scope', () => {
  test('has what was defined, with or without the last semicolon', () => {
    const { enter } = startPrompt();
    enter('a = { x = 1; y = 2; }');
    enter('inherit (a) x; z.u.v = 3;');
    assert.equal(enter('[ x z ]'), '[\n  1\n  { ... }\n]');
  });

  test('means the newest value by a name, and keeps the old one where that was used', () => {
    const { enter } = startPrompt();
    enter('a = 1');
    enter('f = _: a');
    enter('a = 2');
    assert.equal(enter('[ a (f null) ]'), '[\n  2\n  1\n]');
  });

  test('names functions after what they are assigned to', () => {
    const { enter } = startPrompt();
    enter('f = x: x');
    assert.equal(enter('f'), '«lambda f @ «string»:1:5»');
  });

  test('takes many variables, also of the same name', () => {
    const { enter } = startPrompt();
    for (let i = 0; i < 1000; i++) enter(`a${i % 600} = ${i}`);
    assert.equal(enter('[ a0 a399 a400 a599 ]'), '[\n  600\n  999\n  400\n  599\n]');
  });

  test('can be cleared', () => {
    const { scope, enter } = startPrompt();
    enter('a = 1');
    scope.clear();
    assert.throws(() => enter('a'), { code: 'eval/undefined-variable' });
    assert.equal(scope.names.has(byteStringFromText('a')), false);
    assert.equal(scope.names.has(byteStringFromText('builtins')), true);
  });
});

describe('incomplete texts', () => {
  const { scope } = startPrompt();
  const outcomeOf = (text: string): string => {
    try {
      const input = byteStringFromText(text);
      if (scope.parseDefinitions(input) !== undefined) return 'definitions';
      scope.parse(input);
      return 'expression';
    } catch (error) {
      return isIncomplete(error) ? 'incomplete' : 'refused';
    }
  };
  for (const [text, outcome] of [
    ['1 +', 'incomplete'],
    ['{ a = 1;', 'incomplete'],
    ["x = ''\n  hello", 'incomplete'],
    ['"a', 'incomplete'],
    ['x = 1', 'definitions'],
    ['inherit builtins', 'definitions'],
    ['1 + 1', 'expression'],
    ['x =', 'refused'],
    [')', 'refused'],
  ] as const) {
    test(`${JSON.stringify(text)}: ${outcome}`, () => assert.equal(outcomeOf(text), outcome));
  }
});

describe('values that are evaluated while they are printed', () => {
  const { enter } = startPrompt();
  for (const [text, shown] of [
    ['{ a = throw "b"; c = 1; }', '{\n  a = «error: b»;\n  c = 1;\n}'],
    ['{ a = 1 + 1; }', '{ a = 2; }'],
    ['{ a = { b = 1; }; }', '{\n  a = { ... };\n}'],
    ['let x = { y = { a = 1; }; inherit x; }; in x', '{\n  x = «repeated»;\n  y = { ... };\n}'],
    ['{ type = "derivation"; }', '«derivation»'],
    [
      '[ (derivation { name = "n"; system = "s"; builder = "b"; }) ]',
      '[\n  «derivation /nix/store/wr1i7p014rsirg48bgmkclzgi393aj0p-n.drv»\n]',
    ],
  ] as const) {
    test(text, () => assert.equal(enter(text), shown));
  }

  test('throw the errors of their outermost level', () => {
    assert.throws(() => enter('throw "x"'), { code: 'eval/throw' });
    assert.throws(() => enter('rec { a = a; }'), { code: 'eval/infinite-recursion' });
    assert.throws(() => enter('{ type = "derivation"; drvPath = "x"; }'), /path '.*x.*' is not in the Nix store/);
  });
});
