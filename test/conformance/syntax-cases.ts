/** Texts to parse: some of every form of the language, and what becomes of them by small changes. */
import type { Random } from '../fuzz/random.ts';

/** Around texts whose names should mean something. */
const scope = 'a: b: c: d: e: f: g: h: x: y: z: ';

const forms: readonly string[] = [
  '{ a, b ? 1, ... }@c: let x = a; y.z = "q${b}r"; inherit (c) d; in with x; if a == b then [ a b.c (d e) ] else { f = ./g; h.i = 2; } // c',
  'rec { a = b: c: d: a; "x y" = 1; ${a} = 2; inherit b "c"; b = 1; c = 2; }',
  "''\n  foo\n  ${a}\n bar\n''",
  "''\n    a\n\n      b ''\\n c ''${d} ''' $${e}\n  \n   ''",
  "''  \n  x'' + '' y'' + ''\ty''",
  "''${a}\n b''",
  "''\\ \n''",
  'assert a -> b; a.b or c ? d.e && !f',
  'let a = 1; in a + 2 * -3 - 4 / b',
  'a + b - c * d / e ++ f // g',
  'a -> b -> c || d && e == f',
  'a == b == c',
  'a < b < c',
  'a < b == c < d',
  '!a ? b ++ c + d',
  '- a ? b',
  'a <= b || c >= d',
  'a != b && x > y',
  '[ <nixpkgs> http://a.b/c ~/d/e ./f/${g}/h 1.5 ]',
  '[ /a /a/ /a/${b} ./${a} ${a} ]',
  '[ a/b a/b/${c}d/e a//b ../x .../y -a/b +/c ]',
  '/a/../b + ./. + ../../../../..',
  'a |> b |> c',
  'f <| g <| h',
  'a |> b <| c',
  'x: y: { inherit x; inherit (y) z; z.w = 1; }',
  '{ a.b = { c = 1; }; a.b.d = 2; a = { e = 3; }; }',
  '{ a = rec { b = 1; }; a.c = b; }',
  '{ a = { inherit (x) b; }; a = { inherit (y) c; }; }',
  '{ a.${b}.c = 1; a.${b}.d = 2; }',
  '{ "a" = 1; ${"b"} = 2; "${c}" = 3; ${"a${b}"} = 4; }',
  'let { body = a; a = 1; }',
  'let ${a} = 1; in a',
  '{}: {a}: {a,}: {...}: a@{}: {}@b: 1',
  '{ x, y, x }: x',
  'x@{ x }: x',
  '{ a ? b, b ? a }: a',
  '(a or b).c or d or e',
  'map or [ (x: x) ]',
  '[ (map or []) (a or) ]',
  'a.or.b or c',
  '{ or = 1; inherit or; }',
  '"\\n\\r\\t\\a\\${a}${"a"}$$${b}$"',
  '"a\r\nb\rc"',
  '"$" + "$$" + "$${a}" + "\\$${a}"',
  '1. + .5 + 0.5 + 00.5 + 1.5e3 + 1.e-2 + 2e5',
  '9223372036854775807',
  '9223372036854775808',
  '007',
  '1.0e400',
  '1.0e-400',
  '[ 0.1 100000.0 1234567.0 0.0001 0.00001 1e10 ]',
  '__curPos',
  '# a\n/* b */ /** c */ a /**/ /***/ # d',
  '/* never ends',
  '/* * / */ a /* ** */',
  'a:b a:b: c',
  "a' a-b a_b _a",
  'x:y',
  'x : y',
  'if a then b else if c then d else e',
  'a (b) (c d) (e (f g))',
  '(a b) c',
  '(a - b) c',
  '<a> b',
  'with a; with b; c',
  '{ inherit; }',
  '{ inherit (a); inherit (b) c; }',
  '{ inherit ${a}; }',
  '{ inherit "a" "${b}"; }',
  '"a" "b',
  '"a${b',
  "''a",
  "''a${b",
  '"a$',
  '"a\\',
  './a',
  '[ ./a',
  '[ ./a/${b}',
  './a/',
  './a/ b',
  'a/b//c ',
  'a & b',
  'a | b',
  '$a',
  'é',
  '',
  '   ',
  '# nothing',
  '(',
  '{ a = 1',
  '{ a = 1;',
  '{ a }',
  '{ a b }',
  '{ 1 = 2; }',
  'a.1',
  'a.b.',
  'a ? ./b',
  'if a then b',
  'let a = 1;',
  'a:',
  '{ a, b',
  '{ a, ... , b }: a',
  '{ a ... }: a',
  'x@y: z',
  '{}@{}: a',
  'assert a',
  'a ++ ++ b',
  '1 2 3',
  '[ 1 - 2 ]',
  '[ a.b.c or d -1 ]',
  '}',
  'a }',
  '{ a = 1; a = 2; }',
  '{ a.b = 1; a = 2; }',
  '{ a = 1; a.b = 2; }',
  '{ inherit a; a = 1; }',
  '{ a.b.c = 1; a.b.c = 2; }',
  '{ ${a}.b.c = 1; "x y".z = 1; "x y".z = 2; }',
  'rec { a = 1; b = a; inherit c; }',
  'undefined',
  '{ inherit undefined; }',
  '{ undefined }: undefined.a',
  'with a; undefined',
  '~/a + ~/${b}',
  '~a',
  'a.b.c.d or e.f or g',
];

/** Each form as it is, and where its names mean something. */
export const handWritten: readonly string[] = forms.flatMap(text => [text, `${scope}${text}`]);

/** Tokens and parts of the language. */
const vocabulary = [
  ['a', 'b', 'x', 'if', 'then', 'else', 'assert', 'with', 'let', 'in', 'rec', 'inherit', 'or', '...', '==', '!='],
  ['<=', '>=', '&&', '||', '->', '//', '++', '<|', '|>', '${', '{', '}', '[', ']', '(', ')', '"', "''", '$', '\\'],
  ['@', ':', ';', '.', ',', '=', '?', '!', '-', '+', '*', '/', '<', '>', '1', '2.5', '.5', '1.', './a', '/b/c'],
  ['a/b', '~/x', '~/', './', '<a/b>', 'http://x.y', 'a:b', '_', '__curPos', '#c\n', '/* c */', '/** d */', '/*'],
  ['\n', ' ', '\t', 'é', '\r\n', '\r', "'", "''$", "'''", "''\\n", '$${', '\\${', '{a}:', '{a,b?1,...}:', 'a@{b}:'],
  ['{b}@a:', 'inherit (a) b c;', 'a.b.c = 1;', '"a${b}c"', './a/${b}/c', 'x.y or z', 'let { body = 1; }', '1.e5'],
  ['99999999999999999999', '1e5', 'a.${b}', '"${a}"=', '&', '|', '%', '`', '^', "''\n  a\n    ${b}\n ''"],
].flat();

/** One of the texts with one to three changes, or tokens in any order. */
export function randomText(random: Random): string {
  if (random.oneIn(4)) {
    const words = Array.from({ length: 1 + random.below(10) }, () => random.pick(vocabulary));
    return scope + words.join(random.pick(['', ' ']));
  }
  let text = random.pick(forms);
  for (let changes = 1 + random.below(3); changes > 0; changes--) text = changed(text, random);
  return random.oneIn(8) ? text : scope + text;
}

function changed(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const end = at + random.below(12);
  switch (random.below(5)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1 + random.below(4));
    case 1:
      return text.slice(0, at);
    case 2:
      return `${text.slice(0, at)} ${random.pick(vocabulary)} ${text.slice(at)}`;
    case 3:
      return text.slice(0, at) + text.slice(end) + text.slice(at, end);
    default:
      return text.slice(0, at) + random.pick(vocabulary) + text.slice(at + random.below(3));
  }
}
