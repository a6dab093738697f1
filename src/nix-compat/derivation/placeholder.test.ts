import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { derivationVectors } from '../../testing/index.ts';
import {
  type BuiltPath,
  type SingleDerivingPath,
  builtPath,
  formatPlaceholder,
  opaquePath,
  outputPlaceholder,
  parseStorePath,
  placeholderOf,
} from '../index.ts';

const path = opaquePath(parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo.drv'));
const dotted = opaquePath(parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo.drv.drv'));

function built(of: SingleDerivingPath, output: string): BuiltPath {
  return builtPath(of, byteStringFromText(output));
}

/** From libstore-tests/downstream-placeholder.cc of C++ Nix 2.34.8. */
const known: readonly (readonly [path: BuiltPath, placeholder: string])[] = [
  [built(path, 'out'), '/0c6rn30q4frawknapgwq386zq358m8r6msvywcvc89n6m5p2dgbz'],
  [built(built(dotted, 'out'), 'out'), '/0gn6agqxjyyalf0dpihgyf49xq5hqxgw100f0wydnj6yqrhqsb3w'],
];

describe('placeholders', () => {
  for (const [of, placeholder] of known) {
    test(placeholder, () => assert.equal(formatPlaceholder(placeholderOf(of)), placeholder));
  }

  test('of own outputs are what the evaluator wrote', () => {
    const derivation = [...derivationVectors().values()].find(({ name }) => name === 'outputs-1.0');
    const own = `${outputPlaceholder(byteStringFromText('out'))} ${outputPlaceholder(byteStringFromText('dev'))}`;
    assert.equal(derivation?.env.get(byteStringFromText('own')), own);
  });

  test('of inputs are what the evaluator wrote', () => {
    const derivations = derivationVectors();
    let found = 0;
    for (const { name, inputDerivations, args, env } of derivations.values()) {
      if (!/^(deferred|dynamic|floating-on)/.test(name)) continue;
      const text = [...args, ...env.values()].join(' ');
      for (const [input, { outputs, dynamic }] of inputDerivations) {
        const expected = outputs.map(output => builtPath(opaquePath(input), output));
        for (const [outer, child] of dynamic) {
          const maker = builtPath(opaquePath(input), outer);
          expected.push(...child.outputs.map(output => builtPath(maker, output)));
          for (const [middle, grandchild] of child.dynamic) {
            expected.push(...grandchild.outputs.map(output => builtPath(builtPath(maker, middle), output)));
          }
        }
        for (const of of expected) {
          assert.ok(text.includes(formatPlaceholder(placeholderOf(of))), name);
          found++;
        }
      }
    }
    assert.equal(found, 8);
  });

  test('go along long chains', () => {
    let chain = built(path, 'out');
    for (let i = 0; i < 50_000; i++) chain = built(chain, 'out');
    assert.equal(formatPlaceholder(placeholderOf(chain)).length, 53);
  });

  test('are refused for what is no derivation', () => {
    const source = opaquePath(parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo'));
    assert.throws(() => placeholderOf(built(source, 'out')), { code: 'store-path/not-derivation' });
  });
});
