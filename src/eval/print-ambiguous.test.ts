import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText, bytesOf, displayBytes } from '../base/index.ts';
import { evaluateText, memoryEvalIO } from '../testing/index.ts';
import { Evaluator } from './evaluator.ts';
import { printAmbiguous } from './print-ambiguous.ts';

function printed(text: string): string {
  const evaluator = new Evaluator({ io: memoryEvalIO() });
  const source = bytesOf(byteStringFromText(text));
  const tree = evaluator.parse(source, { kind: 'text', name: '«string»' }, byteStringFromText('/'));
  return displayBytes(printAmbiguous(evaluator, evaluator.evaluate(tree)));
}

test('functions are code until somebody needs them', () => {
  assert.equal(printed('{ f = x: x; }'), '{ f = <CODE>; }');
  assert.equal(printed('[ (x: x) ]'), '[ <CODE> ]');
  assert.equal(printed('(a: { x = a; }) (y: y)'), '{ x = <CODE>; }');
  assert.equal(printed('let f = x: x; in builtins.seq (f 1) { inherit f; }'), '{ f = <LAMBDA>; }');
  assert.equal(printed('x: x'), '<LAMBDA>');
});

test('so are sums, however simple', () => {
  assert.equal(printed('{ a = -1; b = 1 - 1; }'), '{ a = <CODE>; b = <CODE>; }');
  assert.equal(printed('let x = -1; in [ x (-1) ]'), '[ <CODE> <CODE> ]');
});

test('so they are in messages', () => {
  const found = evaluateText('{ f = x: x; } < [ ]');
  assert.ok('error' in found);
  assert.equal(found.error, 'cannot compare a set with a list; values are { f = «thunk»; } and [ ]');
});
