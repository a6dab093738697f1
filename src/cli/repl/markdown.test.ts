import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMarkdown } from './markdown.ts';

const plain = { colours: false, width: 80 };

test('fills paragraphs and leaves code alone', () => {
  const text = 'Some words\nthat follow.\n\n```nix\na  b\n\nc\n```\nMore.';
  assert.equal(renderMarkdown(text, plain), 'Some words that follow.\n\n    a  b\n\n    c\n\nMore.');
});

test('keeps a line where a backslash ends it', () => {
  assert.equal(renderMarkdown('Function `f`\\\n  … defined at a.nix:1:1', plain), 'Function f\n… defined at a.nix:1:1');
});

test('drops marks of emphasis, or shows them in colours', () => {
  const text = '**Synopsis:** `a.b` *e1*, 2 * 3 * 4, snake_case_name';
  assert.equal(renderMarkdown(text, plain), 'Synopsis: a.b e1, 2 * 3 * 4, snake_case_name');
  assert.equal(
    renderMarkdown('**a** `b` *c*', { ...plain, colours: true }),
    '\u001b[1ma\u001b[0m \u001b[1mb\u001b[0m \u001b[3mc\u001b[0m',
  );
});

test('breaks lines where the terminal ends', () => {
  const rendered = renderMarkdown('word '.repeat(40), { colours: false, width: 30 });
  assert.ok(rendered.split('\n').every(line => line.length <= 30));
});

test('items of lists stay apart', () => {
  assert.equal(renderMarkdown('List:\n- one\n- two\n  more', plain), 'List:\n\n- one\n\n- two more');
});
