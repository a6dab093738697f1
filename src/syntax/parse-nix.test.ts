import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readSyntaxVectors } from '../testing/index.ts';
import type { TokenLeaf, TreePart } from './concrete-tree.ts';
import { parseNix } from './parse-nix.ts';

function leavesOf(part: TreePart): TokenLeaf[] {
  return part.kind === 'token' ? [part] : part.children.flatMap(leavesOf);
}

/** Rules and tokens, missing ones after a `+`. */
function outline(part: TreePart): string {
  if (part.kind === 'token') return part.isMissing ? `+${part.name}` : part.name;
  return `${part.name}[${part.children.map(outline).join(' ')}]`;
}

function messagesOf(text: string): string[] {
  return parseNix(text).diagnostics.map(({ start, end, message }) => `${start}-${end} ${message}`);
}

describe('the tree', () => {
  test('has the rules of the grammar, with flat lists', () => {
    const { tree, diagnostics } = parseNix('{ a.b = 1; c = [ 2 3 4 ]; }');
    assert.deepEqual(diagnostics, []);
    const list = "simple['[' list[simple[integer] simple[integer] simple[integer]] ']']";
    const path = "attrPath[name[identifier] '.' name[identifier]]";
    const bindings = `bindings[${path} '=' simple[integer] ';' name[identifier] '=' ${list} ';']`;
    assert.equal(outline(tree), `text[simple['{' ${bindings} '}'] end of file]`);
  });

  test('has every token of a text that is taken', () => {
    for (const vector of readSyntaxVectors()) {
      if (!('printed' in vector)) continue;
      const { tree, diagnostics } = parseNix(vector.text);
      assert.deepEqual(diagnostics, [], vector.text);
      const bytes = Buffer.from(vector.text);
      const leaves = leavesOf(tree).filter(({ start, end }) => end > start);
      for (const [index, leaf] of leaves.entries()) {
        assert.equal(leaf.isMissing, false);
        assert.ok(leaf.start >= (leaves[index - 1]?.end ?? 0));
      }
      // What is between tokens is blank or a comment.
      let from = 0;
      for (const { start, end } of [...leaves, { start: bytes.length, end: bytes.length }]) {
        assert.match(bytes.toString('latin1', from, start), /^(\s|#[^\r\n]*|\/\*[^]*?\*\/)*$/, vector.text);
        from = end;
      }
    }
  });
});

test('comments are kept', () => {
  const { comments } = parseNix('# a\n/** b */ x: /* c */ x');
  assert.deepEqual(comments, [
    { kind: 'line', start: 0, end: 3 },
    { kind: 'documentation', start: 4, end: 12 },
    { kind: 'block', start: 16, end: 23 },
  ]);
});

describe('diagnostics', () => {
  test('tell of every error', () => {
    assert.deepEqual(messagesOf('{ a = 1 b = 2; c = ; d = (1; }'), [
      "10-11 syntax error, unexpected '=', expecting ';'",
      "19-20 syntax error, unexpected ';'",
      "27-28 syntax error, unexpected ';', expecting ')'",
    ]);
  });

  test('tell of all variables that nothing defines', () => {
    assert.deepEqual(messagesOf('let a = b; in a + c'), ["8-9 undefined variable 'b'", "18-19 undefined variable 'c'"]);
  });

  test('tell of attributes that are defined twice', () => {
    assert.deepEqual(messagesOf('{\n a = 1; a = 2; }'), ["10-11 attribute 'a' already defined at 2:2"]);
  });

  test('go on after tokens that the lexer refuses', () => {
    assert.deepEqual(messagesOf('[ 99999999999999999999 ./a/ 1'), [
      "2-22 invalid integer '99999999999999999999'",
      '27-27 path has a trailing slash',
      '29-29 syntax error, unexpected end of file',
    ]);
  });

  test('are there exactly where C++ Nix refuses a text', () => {
    for (const vector of readSyntaxVectors()) {
      const { diagnostics } = parseNix(vector.text);
      assert.equal(diagnostics.length > 0, 'error' in vector, vector.text);
    }
  });
});

test('nothing makes it throw', () => {
  const words = fc.constantFrom(..."a 1 { } ( ) [ ] = ; : , . \" '' ${ $ \\ let in or ./ /".split(' '), ' ', '\n');
  fc.assert(
    fc.property(fc.array(words, { maxLength: 60 }), parts => {
      const { tree } = parseNix(parts.join(''));
      assert.equal(tree.name, 'text');
    }),
    { numRuns: 300 },
  );
});
