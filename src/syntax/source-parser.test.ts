import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SourcePosition, byteStringFromText } from '../base/index.ts';
import { readSyntaxVectors } from '../testing/index.ts';
import { NixSyntaxError } from './error.ts';
import { globalNames } from './global-names.ts';
import { type Diagnose, SourceParser } from './source-parser.ts';
import { SyntaxCore } from './syntax-core.ts';

const home = byteStringFromText('/home-of-nobody');

interface Warning {
  readonly message: string;
  readonly position: SourcePosition | undefined;
}

function parserWith({
  lint = 'ignore',
  pipes = true,
  pure = false,
}: { lint?: Diagnose; pipes?: boolean; pure?: boolean } = {}) {
  const core = new SyntaxCore();
  const warnings: Warning[] = [];
  const parser = new SourceParser(core, globalNames, {
    homePath: () => (pure ? undefined : home),
    allowsPipes: pipes,
    diagnose: { 'lint-url-literals': lint, 'lint-absolute-path-literals': lint, 'lint-short-path-literals': lint },
    warn: (message, position) => warnings.push({ message, position }),
    mark: text => text,
    emphasise: text => text,
  });
  const parse = (text: string | Uint8Array, basePath = '/') =>
    parser.parse({
      text: typeof text === 'string' ? Buffer.from(text) : text,
      file: '«stdin»',
      basePath: byteStringFromText(basePath),
    });
  const print = (text: string | Uint8Array, basePath?: string) => core.print(parse(text, basePath).tree).toString();
  return { parse, print, warnings };
}

function refusalOf(work: () => unknown): { error: string; place: string | undefined } {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof NixSyntaxError, String(error));
    const { message, position } = error;
    const place = position === undefined ? undefined : `${position.file}:${position.line}:${position.column}`;
    return { error: message.trimEnd(), place };
  }
  return assert.fail('is not refused');
}

test('texts are printed or refused as by C++ Nix', () => {
  const { print } = parserWith();
  for (const vector of readSyntaxVectors()) {
    if ('printed' in vector) assert.equal(print(vector.text), vector.printed, vector.text);
    else {
      const expected = { error: vector.error, place: vector.place };
      assert.deepEqual(
        refusalOf(() => print(vector.text)),
        expected,
        vector.text,
      );
    }
  }
});

describe('places', () => {
  test('come with the line, the one before and the one after', () => {
    try {
      parserWith().parse('{\r\n  a = ;\r}\n');
      assert.fail('is not refused');
    } catch (error) {
      assert.ok(error instanceof NixSyntaxError);
      assert.equal(error.code, 'syntax/unexpected-token');
      assert.equal(error.offset, 9);
      assert.deepEqual(error.position, { file: '«stdin»', line: 2, column: 7, lines: ['{', '  a = ;', '}'] });
    }
  });

  test('count bytes', () => {
    assert.equal(refusalOf(() => parserWith().parse('"éé" }')).place, '«stdin»:1:8');
  });
});

describe('paths', () => {
  test('start from the folder of their file', () => {
    const { print } = parserWith();
    assert.equal(print('[ ./a ../b a/b ./. /c/../d ]', '/x/y'), '[ (/x/y/a) (/x/b) (/x/y/a/b) (/x/y) (/d) ]');
    assert.equal(print('[ ./${"a"} ../../../b/${"c"}/d ]', '/x/y'), '[ ((/x/y/ + "a")) ((/b/ + "c" + "/d")) ]');
  });

  test('in the home folder are refused in pure evaluation', () => {
    assert.equal(parserWith().print('~/a'), '/home-of-nobody/a');
    const { error } = refusalOf(() => parserWith({ pure: true }).parse('~/a'));
    assert.equal(error, "the path '~/a' can not be resolved in pure mode");
  });
});

describe('discouraged forms', () => {
  test('are warned of', () => {
    const { print, warnings } = parserWith({ lint: 'warn' });
    assert.equal(print('[ http://a.b /c d/e ./f ]'), '[ ("http://a.b") (/c) (/d/e) (/f) ]');
    assert.deepEqual(
      warnings.map(({ message, position }) => `${position?.column}: ${message}`),
      [
        '3: URL literals are discouraged. Consider using a string literal "http://a.b" instead (lint-url-literals)',
        "14: absolute path literals are not portable. Consider replacing path literal '/c' by a string, relative path, or parameter (lint-absolute-path-literals)",
        "17: relative path literal 'd/e' should be prefixed with '.' for clarity: './d/e' (lint-short-path-literals)",
      ],
    );
  });

  test('are refused where that is wanted', () => {
    const { error, place } = refusalOf(() => parserWith({ lint: 'fatal' }).parse('[ a/b ] }'));
    assert.match(error, /^relative path literal 'a\/b'/);
    assert.equal(place, '«stdin»:1:3');
  });

  test('`or` as a name is warned of where its meaning will change', () => {
    const { parse, warnings } = parserWith();
    parse('let or = 1; f = x: x; in [ (f or) (f or f)\n f or ]');
    assert.deepEqual(
      warnings.map(({ message }) => message.split('\n').slice(0, 3)),
      [
        [
          'at «stdin»:2:2: This expression uses `or` as an identifier in a way that will change in a future Nix release.',
          'Wrap this entire expression in parentheses to preserve its current meaning:',
          '    (f or)',
        ],
      ],
    );
  });
});

test('pipe operators need their feature', () => {
  const { error, place } = refusalOf(() => parserWith({ pipes: false }).parse('1 |> toString'));
  assert.match(error, /^experimental Nix feature 'pipe-operators' is disabled/);
  assert.equal(place, '«stdin»:1:3');
});

test('strings with zero bytes are refused, and a zero byte in code ends it', () => {
  const { error } = refusalOf(() => parserWith().parse('"a\0b"'));
  assert.equal(error, "input string 'a␀b' cannot be represented as Nix string because it contains null bytes");
  assert.equal(parserWith().print('1 \0 2'), '1');
});

test('bytes that are not UTF-8 are kept', () => {
  const { parse } = parserWith();
  assert.doesNotThrow(() => parse(Buffer.from([0x22, 0xff, 0x80, 0x22])));
});

test('what nests too deeply for the stack is refused', () => {
  for (const opening of ['[', '(', '{a=', 'a: ', '!', '-', 'if true then ', '"${', 'let x=', 'with a;', '{a?']) {
    const deep = opening.repeat(400_000);
    const { error } = refusalOf(() => parserWith().parse(deep));
    assert.match(error, /stack overflow|^syntax error, unexpected end of file/, opening);
  }
});

test('long texts without nesting need no stack', () => {
  const { print } = parserWith();
  assert.equal(print(`[ ${'1 '.repeat(300_000)}]`), `[ ${'(1) '.repeat(300_000)}]`);
  const names = Array.from({ length: 100_000 }, (_, i) => `a${i}`);
  const printed = names.toSorted().map(name => `${name} = { b = 1; }; `);
  assert.equal(print(`{ ${names.map(name => `${name}.b = 1; `).join('')}}`), `{ ${printed.join('')}}`);
});
