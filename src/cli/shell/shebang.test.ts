import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from '../error.ts';
import { splitWords } from './shebang.ts';

const cases: readonly (readonly [text: string, words: readonly string[]])[] = [
  ['-i bash', ['-i', 'bash']],
  ["-p 'a b' c", ['-p', 'a b', 'c']],
  ['-p "a \\" b"', ['-p', 'a " b']],
  [String.raw`a\ b 'c\d'`, ['a b', String.raw`c\d`]],
  [`x'y'"z"`, ['xyz']],
  ['a  b ', ['a', 'b']],
  ["''", ['']],
];

test('words of a shebang line are split as a shell does', () => {
  for (const [text, words] of cases) assert.deepEqual(splitWords(text), words, text);
});

test('a quote that does not end is refused', () => {
  assert.throws(
    () => splitWords("-p 'a"),
    (error: unknown) => error instanceof CliError && error.code === 'shell/unterminated-quote',
  );
});
