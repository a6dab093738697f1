import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText } from '../base/index.ts';
import { type Node, isSymlinkTarget } from '../castore/index.ts';
import { nodes } from '../testing/index.ts';
import { formatRoot, parseRoot } from './root-text.ts';

const isRoot = (node: Node) => node.kind !== 'symlink' || isSymlinkTarget(node.target);

test('every root comes back', () => {
  fc.assert(fc.property(nodes.filter(isRoot), node => assert.deepEqual(parseRoot(formatRoot(node)), node)));
});

test('what is none is told apart', () => {
  const hash = 'a'.repeat(64);
  for (const text of [
    '',
    'dir',
    'dir:',
    `dir:${hash}`,
    `dir:${hash}/`,
    `dir:${hash}/01`,
    `dir:${hash}/-1`,
    `dir:${hash}/1/2`,
  ])
    assert.equal(parseRoot(byteStringFromText(text)), undefined, text);
  for (const text of [`DIR:${hash}/1`, `dir:${hash.toUpperCase()}/1`, 'link:', 'link:AA==', `device:${hash}/1`])
    assert.equal(parseRoot(byteStringFromText(text)), undefined, text);
});
