import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../base/index.ts';
import { tokenNames } from './grammar.ts';
import { Refusal } from './refusal.ts';
import { type ParseSettings, SyntaxCore } from './syntax-core.ts';

const root = byteStringFromText('/');

const settings: ParseSettings = {
  basePath: root,
  homePath: root,
  allowsPipes: true,
  lints: [],
  onRemark: () => assert.fail('nothing to remark on'),
};

test('tokens have the numbers that the grammar gives them', () => {
  const spelled = tokenNames.filter(name => /^'[^~<…]+'$/.test(name)).map(name => name.slice(1, -1));
  const core = new SyntaxCore();
  for (const text of spelled) {
    const [token] = core.tokenize(Buffer.from(text));
    assert.equal(tokenNames[token?.kind ?? 0], `'${text}'`);
    assert.deepEqual([token?.start, token?.end], [0, text.length]);
  }
  const others = [
    ['a', 'identifier'],
    ['1', 'integer'],
    ['.5', 'floating-point literal'],
    ['./a', 'path'],
    ['~/a', "'~/…' path"],
    ['<a>', "'<…>' path"],
    ['a:b', 'URI'],
    ["''", 'start of an indented string'],
    ['%', 'invalid token'],
    ['', 'end of file'],
  ] as const;
  for (const [text, name] of others) assert.equal(tokenNames[core.tokenize(Buffer.from(text))[0]?.kind ?? 0], name);
});

describe('definitions that a user typed', () => {
  const core = new SyntaxCore();
  const parse = (text: string) => core.parse(Buffer.from(text), { ...settings, isDefinitions: true });

  test('are a set', () => {
    const tree = parse('a.b = 1; inherit c; a.d = 2;');
    assert.equal(core.print(tree).toString(), '{ inherit c; a = { b = 1; d = 2; }; }');
  });

  test('are refused in the words of the grammar', () => {
    for (const [text, message] of [
      ['', "syntax error, unexpected end of file, expecting 'inherit'"],
      ['a = 1', "syntax error, unexpected end of file, expecting ';'"],
      ['a', "syntax error, unexpected end of file, expecting '.' or '='"],
    ] as const) {
      assert.throws(() => parse(text), Refusal);
      assert.equal(core.explain(Buffer.from(text), { isDefinitions: true })?.message, message);
    }
  });
});

test('a core goes on after a text that it refused at any place', () => {
  const core = new SyntaxCore();
  const environment = core.newEnvironment(['known']);
  const good = 'let a = known; b.c = a; in rec { inherit a; d = e: { inherit (b) c; f = e; }; }';
  const printed = core.print(core.parse(Buffer.from(good), settings)).toString();
  for (let length = 0; length < good.length; length++) {
    for (const text of [good.slice(0, length), `${good.slice(0, length)} unknown ${good.slice(length)}`]) {
      try {
        core.bind(core.parse(Buffer.from(text), settings), environment);
      } catch (error) {
        assert.ok(error instanceof Refusal);
      }
    }
    const tree = core.parse(Buffer.from(good), settings);
    core.bind(tree, environment);
    assert.equal(core.print(tree).toString(), printed);
  }
});
