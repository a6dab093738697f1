import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText, bytesOf } from '../../base/index.ts';
import { type JsonValue, isJsonArray, isJsonObject } from '../../nix-compat/index.ts';
import { memoryEvalIO } from '../../testing/index.ts';
import { EvalError } from '../eval-error.ts';
import { Evaluator } from '../evaluator.ts';
import { statisticsOf } from './statistics.ts';

/** Evaluates a program that is looked at; errors of its are not ours. */
function observe(text: string) {
  const io = memoryEvalIO();
  const lines: string[] = [];
  const flameGraph = { period: 0n, write: (line: string) => void lines.push(line) };
  const evaluator = new Evaluator({ io, observation: { tracesCalls: true, flameGraph } });
  const source = bytesOf(byteStringFromText(text));
  try {
    const tree = evaluator.parse(source, { kind: 'text', name: '«string»' }, byteStringFromText('/'));
    evaluator.forceDeep(evaluator.evaluate(tree));
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
  }
  evaluator.observation?.finish();
  const traces = io.said.map(message => message.text.replace(/ [0-9]+$/, '').replace('function-trace ', ''));
  return { evaluator, lines, traces };
}

describe('an evaluation that is looked at', () => {
  test('says when calls begin and end, also those that fail', () => {
    assert.deepEqual(observe('builtins.tryEval (throw "x")').traces, [
      'entered «string»:1:1 at',
      'entered «string»:1:19 at',
      'exited «string»:1:19 at',
      'exited «string»:1:1 at',
    ]);
    assert.deepEqual(observe('(x: x) 1 2').traces, ['entered «string»:1:1 at', 'exited «string»:1:1 at']);
  });

  test('has its stacks sampled', () => {
    assert.deepEqual(observe('let a = builtins.all (let f = x: x; in f); in a [1]').lines, [
      '«string»:1:9:primop all 1',
      '«string»:1:47:primop all 1',
      '«string»:1:47:primop all;«string»:1:31:f 1',
    ]);
    assert.deepEqual(observe('let s = { __functor = x: arg: arg; }; in [ (s 1) (s 2) ]').lines, [
      '«string»:1:45:functor 1',
      '«string»:1:45:functor;«string»:1:11 1',
      '«string»:1:51:functor 1',
      '«string»:1:51:functor;«string»:1:11:__functor 1',
    ]);
    assert.deepEqual(observe('builtins.derivationStrict { name = "n"; }').lines, [
      '«string»:1:1:primop derivationStrict:n 1',
    ]);
  });

  test('is counted', () => {
    const { evaluator } = observe('let f = x: x + 1; in map f [ 1 2 3 ] ++ [ ({ a.b = 1; } // { c = 2; }).a.b ]');
    const { calls } = evaluator.observation ?? assert.fail('nobody looks');
    const json = statisticsOf(evaluator, { calls, listsCalls: true, cpuTime: 1.5 });
    const at = (...path: string[]) => path.reduce<JsonValue | undefined>(memberOf, json);
    assert.equal(at('cpuTime'), 1.5);
    assert.equal(at('nrFunctionCalls'), 3n);
    assert.equal(at('nrPrimOpCalls'), 1n);
    assert.equal(at('nrLookups'), 2n);
    assert.equal(at('nrOpUpdates'), 1n);
    assert.equal(at('nrOpUpdateValuesCopied'), 2n);
    assert.equal(at('list', 'concats'), 1n);
    assert.equal(at('primops', 'map'), 1n);
    assert.equal(at('functions', '0', 'name'), 'f');
    assert.equal(at('functions', '0', 'count'), 3n);
  });
});

function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (value === undefined) return undefined;
  if (isJsonObject(value)) return value.get(byteStringFromText(key));
  return isJsonArray(value) ? value[Number(key)] : undefined;
}
