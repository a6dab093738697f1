import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { evaluateText } from '../testing/index.ts';

/** What C++ Nix made of an expression; written by test/fuzz/eval/run.ts. */
type EvalVector =
  | { readonly text: string; readonly kind: 'value'; readonly value: string }
  | { readonly text: string; readonly kind: 'error'; readonly message: string; readonly place: string };

const file = join(import.meta.dirname, '../../test/vectors/eval/programs.json');
const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly EvalVector[];

const features = new Set([
  'flakes',
  'fetch-tree',
  'fetch-closure',
  'dynamic-derivations',
  'pipe-operators',
  'ca-derivations',
  'impure-derivations',
] as const);

describe('expressions evaluate as in C++ Nix', () => {
  for (const vector of vectors) {
    test(vector.text, () => {
      const found = evaluateText(vector.text, { features });
      if (vector.kind === 'value') assert.deepEqual(found, { value: vector.value });
      else {
        assert.ok('error' in found, `is a value: ${JSON.stringify(found)}`);
        const place = /:([0-9]+:[0-9]+):$/.exec(vector.place)?.[1] ?? '';
        assert.equal(plain(found.error), vector.message);
        assert.equal(found.place, place);
      }
    });
  }
});

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
