import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText, bytesOf, displayBytes } from '../base/index.ts';
import { startEvaluator, temporaryFolder } from '../testing/index.ts';
import { findBuiltinDoc } from './builtin-docs.ts';
import { attributeComment, documentationOf, selectedAttribute } from './documentation.ts';
import type { Word } from './word.ts';

const folder = byteStringFromText('/');

function evaluateText(evaluator: ReturnType<typeof startEvaluator>, text: string): { tree: number; value: Word } {
  const bytes = bytesOf(byteStringFromText(text));
  const tree = evaluator.parse(bytes, { kind: 'text', name: '«string»' }, folder);
  return { tree, value: evaluator.evaluate(tree) };
}

function documentText(text: string): string | undefined {
  const evaluator = startEvaluator();
  return documentationOf(evaluator, evaluateText(evaluator, text).value);
}

describe('documentation of values', () => {
  test('of a builtin: its arguments and what it does', () => {
    assert.match(documentText('builtins.add') ?? '', /^\*\*Synopsis:\*\* `builtins\.add` \*e1\* \*e2\*\n\nThe sum/);
  });

  test('of a function: where it is, and its comment without indentation', () => {
    const text = '{ f =\n    /**\n      Twice.\n\n        code\n    */\n    x: x + x; }.f';
    assert.equal(documentText(text)?.trimEnd(), 'Function `f`\\\n  … defined at «string»:7:5\n\n\nTwice.\n\n  code');
  });

  test('of a function without a comment', () => {
    assert.equal(documentText('x: x'), 'Function defined at «string»:1:1\n');
  });

  test('of a set that can be called: that of what it returns', () => {
    assert.match(documentText('{ __functor = self: /** Adds. */ x: x + 1; }') ?? '', /Adds\./);
  });

  test('none of other values', () => {
    for (const text of ['1', '{ }', '"a"', 'builtins']) assert.equal(documentText(text), undefined);
  });

  test('an attribute has the comment before it', () => {
    using temporary = temporaryFolder();
    const file = join(temporary.path, 'a.nix');
    writeFileSync(file, '{\n  /** One. */\n  # and more\n  a.b = 1;\n  c = 2;\n}\n');
    const evaluator = startEvaluator();
    const commentOf = (path: string) => {
      const { tree } = evaluateText(evaluator, `(import ${file}).${path}`);
      const found = selectedAttribute(evaluator, tree, part => evaluator.evaluate(part));
      return found && [displayBytes(found.name), attributeComment(evaluator, found.position).trim()];
    };
    assert.deepEqual(commentOf('a.b'), ['b', 'One.']);
    assert.deepEqual(commentOf('c'), ['c', '']);
  });

  test('every builtin that is a function is documented, but for the innermost', () => {
    const evaluator = startEvaluator();
    const { value } = evaluateText(
      evaluator,
      'builtins.filter (n: builtins.isFunction builtins.${n}) (builtins.attrNames builtins)',
    );
    const names = evaluator.print(value).match(/[A-Za-z']+/g) ?? [];
    assert.ok(names.length > 100);
    assert.deepEqual(
      names.filter(name => findBuiltinDoc(name) === undefined),
      ['derivation', 'derivationStrict'],
    );
  });
});
