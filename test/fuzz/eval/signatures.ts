/** What builtins and operators take and give, for programs that mostly evaluate. */

/** A type of values: lists and sets by what is in them, functions by what they take and give. */
export type Type =
  | { readonly kind: 'int' | 'float' | 'number' | 'bool' | 'string' | 'null' | 'any' | 'path' }
  | { readonly kind: 'list' | 'set'; readonly of: Type }
  | { readonly kind: 'function'; readonly takes: readonly Type[]; readonly gives: Type };

export const int: Type = { kind: 'int' };
export const float: Type = { kind: 'float' };
export const number: Type = { kind: 'number' };
export const bool: Type = { kind: 'bool' };
export const string: Type = { kind: 'string' };
export const any: Type = { kind: 'any' };
export const path: Type = { kind: 'path' };
const nothing: Type = { kind: 'null' };

export function list(of: Type): Type {
  return { kind: 'list', of };
}

export function set(of: Type): Type {
  return { kind: 'set', of };
}

export function fn(takes: readonly Type[], gives: Type): Type {
  return { kind: 'function', takes, gives };
}

/** How a value of type `gives` is made: a builtin with arguments, or a text with `$1`, `$2`, … in place of parts. */
export interface Form {
  /** By what it is counted. */
  readonly name: string;
  readonly text: string;
  readonly takes: readonly Type[];
  readonly gives: Type;
}

function call(name: string, takes: readonly Type[], gives: Type): Form {
  const operands = takes.map((_, index) => ` ($${index + 1})`).join('');
  return { name, text: `builtins.${name}${operands}`, takes, gives };
}

function operator(sign: string, takes: readonly Type[], gives: Type): Form {
  return { name: sign, text: takes.length === 1 ? `${sign}($1)` : `($1) ${sign} ($2)`, takes, gives };
}

function text(name: string, form: string, takes: readonly Type[], gives: Type): Form {
  return { name, text: form, takes, gives };
}

const pair: Type = { kind: 'any' };

/** Literals that builtins have opinions on, by name of the form. */
export const literals = {
  regex: [
    '"a*"',
    '"(a|b)c"',
    '"([a-z]+)([0-9]*)"',
    '"x?y+"',
    '"[[:alpha:]]*"',
    '"[^a]{2,3}"',
    '"(a*)*b"',
    '"a|"',
    '"^a"',
    '"b$"',
    '"(x(y)?)*"',
    '"[]a-c]"',
    '"a{2}{2}"',
    '"("',
    '"a**"',
    '"[z-a]"',
    '"\\\\."',
    '"\\\\d"',
    '"[[:w:]-]"',
    '"()"',
    '".*"',
    '"a?(ab)?"',
  ],
  json: [
    '"[1, 2.5, null]"',
    '"{\\"a\\": {\\"b\\": [true]}}"',
    '"1e3"',
    '"-0"',
    '"\\"\\\\u00e9\\""',
    '"[1,]"',
    '"{\\"a\\" 1}"',
    '"nul"',
    '"9223372036854775808"',
    '""',
    '"\\"\\\\ud800\\""',
    '"[[[[]]]]"',
    '"1.5E-3"',
    '"01"',
    '"{\\"a\\":1,\\"a\\":2}"',
    '" [ ] x"',
    '"\\"a"',
  ],
  toml: [
    '"a = 1\\nb.c = \\"x\\"\\n"',
    '"[t]\\nx = [1, 2]\\n[[u]]\\ny = {z = 1.5}\\n"',
    '"a = 0x1F\\nb = 1_000\\n"',
    '"a = 1\\na = 2\\n"',
    '"a = "',
    '"a = true\\nb = inf\\n"',
    '"x = \'l\'\\ny = \\"\\"\\"m\\nn\\"\\"\\""',
    '"a = 01"',
    '"[a]\\n[a]"',
    '"a = 1979-05-27"',
    '"= 1"',
    '"a.b = 1\\na.c = 2"',
  ],
  version: [
    '"1.2.3"',
    '"1.2pre1"',
    '"2.0-rc1"',
    '"foo-1.0.2"',
    '"1.10"',
    '""',
    '"a-b-3x"',
    '"-1"',
    '"1..2"',
    '"1.2.3a"',
  ],
  hash: [
    '"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="',
    '"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
    '"sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"',
    '"d41d8cd98f00b204e9800998ecf8427e"',
    '"xyz"',
    '""',
  ],
  algorithm: ['"sha256"', '"md5"', '"sha1"', '"sha512"', '"sha3"'],
  format: ['"base16"', '"nix32"', '"base64"', '"sri"', '"base32"', '"hex"'],
  sourcePath: ['"/nonexistent"', '"a"', '""', '/a/b', '/etc/hostname'],
  pathText: ['"/a/b/c"', '"/"', '"a"', '"a/"', '"/a//b/../c/"', '""', '/a/b', '/.', '"a/b"'],
  flakeRef: [
    '"nixpkgs"',
    '"github:NixOS/nixpkgs"',
    '"github:a/b/c?dir=d"',
    '"git+https://x.y/z?ref=main"',
    '"path:/a/b"',
    '"/a/b?x=y"',
    '"https://x.y/z.tar.gz"',
    '"flake:a/b"',
    '"a b"',
    '"github:a"',
    '"./x"',
    '"gitlab:a/b?host=c.d"',
    '"nixpkgs#x"',
    '"git+ssh://u@h/p"',
    '"file+https://x/y"',
  ],
} as const;

export type LiteralName = keyof typeof literals;

/** A form whose first parts are literals of these names, written `%name`. */
function special(name: string, form: string, gives: Type, takes: readonly Type[] = []): Form {
  return { name, text: form, takes, gives };
}

export const forms: readonly Form[] = [
  // Operators
  operator('+', [int, int], int),
  operator('+', [number, number], number),
  operator('+', [string, string], string),
  // A line break in a path would be one in what is printed.
  text('+', '($1) + "/x.y"', [path], path),
  operator('-', [int, int], int),
  operator('-', [number, number], number),
  operator('*', [int, int], int),
  operator('*', [number, number], number),
  operator('/', [int, int], int),
  operator('/', [number, number], number),
  text('negate', '-($1)', [int], int),
  operator('<', [number, number], bool),
  operator('<', [string, string], bool),
  operator('<', [list(int), list(int)], bool),
  operator('<=', [int, int], bool),
  operator('>', [string, string], bool),
  operator('>=', [number, number], bool),
  operator('==', [any, any], bool),
  operator('!=', [any, any], bool),
  operator('&&', [bool, bool], bool),
  operator('||', [bool, bool], bool),
  operator('->', [bool, bool], bool),
  operator('!', [bool], bool),
  operator('++', [list(int), list(int)], list(int)),
  operator('++', [list(any), list(any)], list(any)),
  operator('//', [set(any), set(any)], set(any)),
  operator('//', [set(int), set(int)], set(int)),
  text('|>', '($1) |> ($2)', [int, fn([int], int)], int),
  text('<|', '($1) <| ($2)', [fn([int], int), int], int),
  text('?', '($1) ? a', [set(any)], bool),
  text('?', '($1) ? "${$2}".b', [set(any), string], bool),
  text('.', '($1).a', [set(int)], int),
  text('.', '($1).a.b or ($2)', [set(any), any], any),
  text('.', '($1).${$2} or 1', [set(int), string], int),
  text('interpolation', '"a${$1}b"', [string], string),
  text('interpolation', "''\n  x\n    ${$1} ''$ '''\n''".replaceAll('\n', ' '), [string], string),
  text('if', 'if $1 then $2 else $3', [bool, int, int], int),
  text('if', 'if $1 then $2 else $3', [bool, any, any], any),
  text('assert', 'assert $1; $2', [bool, int], int),
  text('with', 'with ($1); a', [set(int)], int),
  text('rec', 'rec { a = $1; b = a; "c d" = b; }', [int], set(int)),
  text('let', 'let { body = a; a = $1; }', [string], string),
  text('formals', '({ a, b ? a, ... }@c: a + b) (($1) // { a = 1; })', [set(int)], int),
  text('formals', '({ a }: a) ($1)', [set(int)], int),
  text('functor', '({ __functor = self: x: x + self.y; y = $1; } ($2))', [int, int], int),
  text('__toString', '"${{ __toString = self: self.z; z = $1; }}"', [string], string),
  text('outPath', '"${{ outPath = $1; }}"', [string], string),
  text('__overrides', '(rec { __overrides = { a = $1; }; a = 1; b = a; }).b', [int], int),
  text('inherit', '{ inherit ($1) a; inherit (rec { b = $2; }) b; }', [set(int), int], set(int)),
  text('dynamic', '{ ${$1} = $2; }', [string, int], set(int)),
  text('dynamic', '{ a.${$1}.b = $2; }.a', [string, int], set(any)),
  text('__curPos', '__curPos', [], any),
  // Types
  ...['isNull', 'isInt', 'isFloat', 'isString', 'isBool', 'isPath', 'isList', 'isAttrs', 'isFunction'].map(name =>
    call(name, [any], bool),
  ),
  call('typeOf', [any], string),
  // Numbers
  ...['add', 'sub', 'mul', 'div', 'bitAnd', 'bitOr', 'bitXor'].map(name => call(name, [int, int], int)),
  call('add', [number, number], number),
  call('div', [number, number], number),
  call('lessThan', [any, any], bool),
  call('lessThan', [number, number], bool),
  call('ceil', [float], int),
  call('floor', [float], int),
  call('ceil', [number], int),
  // Lists
  call('head', [list(int)], int),
  call('tail', [list(any)], list(any)),
  call('length', [list(any)], int),
  call('elemAt', [list(int), int], int),
  call('elem', [int, list(int)], bool),
  call('elem', [any, list(any)], bool),
  call('map', [fn([int], int), list(int)], list(int)),
  call('filter', [fn([int], bool), list(int)], list(int)),
  call("foldl'", [fn([int, int], int), int, list(int)], int),
  call('any', [fn([int], bool), list(int)], bool),
  call('all', [fn([int], bool), list(int)], bool),
  call('concatLists', [list(list(int))], list(int)),
  call('concatMap', [fn([int], list(int)), list(int)], list(int)),
  text('genList', 'builtins.genList ($1) 4', [fn([int], int)], list(int)),
  text('genList', 'builtins.genList (x: x) ($1)', [int], list(int)),
  call('sort', [fn([int, int], bool), list(int)], list(int)),
  text('sort', 'builtins.sort builtins.lessThan ($1)', [list(string)], list(string)),
  text('sort', 'builtins.sort builtins.lessThan ($1)', [list(any)], list(any)),
  call('partition', [fn([int], bool), list(int)], set(list(int))),
  call('groupBy', [fn([int], string), list(int)], set(list(int))),
  text(
    'genericClosure',
    'builtins.genericClosure { startSet = [ { key = $1; } ]; operator = x: if x.key > 5 || x.key < 0 then [ ] else [ { key = x.key + 1; } { key = 2; } ]; }',
    [int],
    list(any),
  ),
  text(
    'genericClosure',
    'builtins.genericClosure { startSet = ($1); operator = x: [ ]; }',
    [list(set(int))],
    list(any),
  ),
  // Sets
  call('attrNames', [set(any)], list(string)),
  call('attrValues', [set(int)], list(int)),
  call('hasAttr', [string, set(any)], bool),
  call('getAttr', [string, set(int)], int),
  call('removeAttrs', [set(int), list(string)], set(int)),
  call('intersectAttrs', [set(any), set(int)], set(int)),
  call('catAttrs', [string, list(set(int))], list(int)),
  call('mapAttrs', [fn([string, int], int), set(int)], set(int)),
  text('zipAttrsWith', 'builtins.zipAttrsWith (n: v: v) ($1)', [list(set(int))], set(list(int))),
  text('listToAttrs', 'builtins.listToAttrs (map (x: { name = toString x; value = x; }) ($1))', [list(int)], set(int)),
  text('listToAttrs', 'builtins.listToAttrs ($1)', [list(set(string))], set(any)),
  text('functionArgs', 'builtins.functionArgs ({ a, b ? $1 }: a)', [int], set(any)),
  text('functionArgs', 'builtins.functionArgs ($1)', [fn([int], int)], set(any)),
  text('unsafeGetAttrPos', 'builtins.unsafeGetAttrPos ($1) ($2)', [string, set(any)], any),
  // Strings
  call('toString', [any], string),
  call('stringLength', [string], int),
  call('substring', [int, int, string], string),
  call('concatStringsSep', [string, list(string)], string),
  call('replaceStrings', [list(string), list(string), string], string),
  text('replaceStrings', 'builtins.replaceStrings [ ($1) "" ] [ ($2) "-" ] ($3)', [string, string, string], string),
  special('match', 'builtins.match %regex ($1)', any, [string]),
  special('split', 'builtins.split %regex ($1)', list(any), [string]),
  special('parseDrvName', 'builtins.parseDrvName %version', set(string)),
  special('splitVersion', 'builtins.splitVersion %version', list(string)),
  special('compareVersions', 'builtins.compareVersions %version %version', int),
  special('hashString', 'builtins.hashString %algorithm ($1)', string, [string]),
  special(
    'convertHash',
    'builtins.convertHash { hash = %hash; hashAlgo = %algorithm; toHashFormat = %format; }',
    string,
  ),
  special('convertHash', 'builtins.convertHash { hash = %hash; toHashFormat = %format; }', string),
  special('baseNameOf', 'builtins.baseNameOf %pathText', string),
  special('dirOf', 'builtins.dirOf %pathText', any),
  special('toPath', 'builtins.toPath %pathText', string),
  special('pathExists', 'builtins.pathExists %pathText', bool),
  special('readFileType', 'builtins.readFileType %pathText', string),
  special('readDir', 'builtins.readDir %pathText', set(string)),
  special('readFile', 'builtins.readFile %pathText', string),
  special('hashFile', 'builtins.hashFile %algorithm %pathText', string),
  special('import', 'import %pathText', any),
  special('scopedImport', 'scopedImport { } %pathText', any),
  special('findFile', 'builtins.findFile [ { path = %pathText; } { prefix = "a"; path = %pathText; } ] ($1)', path, [
    string,
  ]),
  special('storePath', 'builtins.storePath %pathText', string),
  special('filterSource', 'builtins.filterSource (p: t: true) %sourcePath', string),
  special('path', 'builtins.path { path = %sourcePath; name = $1; }', string, [string]),
  special('parseFlakeRef', 'builtins.parseFlakeRef %flakeRef', set(any)),
  special('flakeRefToString', 'builtins.flakeRefToString (builtins.parseFlakeRef %flakeRef)', string),
  text('flakeRefToString', 'builtins.flakeRefToString ($1)', [set(string)], string),
  special('fromJSON', 'builtins.fromJSON %json', any),
  special('fromTOML', 'builtins.fromTOML %toml', set(any)),
  text('toJSON', 'builtins.toJSON ($1)', [any], string),
  text('fromJSON', 'builtins.fromJSON (builtins.toJSON ($1))', [any], any),
  text('toXML', 'builtins.toXML ($1)', [any], string),
  // Evaluation
  call('seq', [any, int], int),
  call('deepSeq', [any, int], int),
  call('tryEval', [int], set(any)),
  call('tryEval', [any], set(any)),
  text('throw', 'throw ($1)', [string], int),
  text('abort', 'abort ($1)', [string], int),
  call('trace', [any, int], int),
  call('traceVerbose', [any, int], int),
  call('warn', [string, int], int),
  call('addErrorContext', [string, int], int),
  // Its argument stays unevaluated there, which shows.
  text('break', 'builtins.break 1', [], int),
  // Contexts
  text('placeholder', 'builtins.placeholder ($1)', [string], string),
  text('derivation', '(derivation { name = "d"; system = "s"; builder = "b"; x = $1; }).outPath', [any], string),
  text(
    'derivation',
    '"${derivation { name = "d"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; args = ($1); }}"',
    [list(string)],
    string,
  ),
  text(
    'derivation',
    '(derivation { name = "d"; system = "s"; builder = "b"; __structuredAttrs = true; v = ($1); }).drvPath',
    [any],
    string,
  ),
  text(
    'derivationStrict',
    'builtins.derivationStrict (($1) // { system = "s"; builder = "b"; })',
    [set(string)],
    set(string),
  ),
  call('hasContext', [string], bool),
  call('getContext', [string], set(any)),
  call('unsafeDiscardStringContext', [string], string),
  call('unsafeDiscardOutputDependency', [string], string),
  call('addDrvOutputDependencies', [string], string),
  text(
    'addDrvOutputDependencies',
    'builtins.addDrvOutputDependencies (builtins.unsafeDiscardOutputDependency (derivation { name = "e"; system = "s"; builder = $1; }).drvPath)',
    [string],
    string,
  ),
  text('appendContext', 'builtins.appendContext ($1) (builtins.getContext ($2))', [string, string], string),
  call('appendContext', [string, set(any)], string),
  text('toFile', 'builtins.toFile ($1) ($2)', [string, string], string),
  text('toFile', 'builtins.toFile "f" ($1)', [string], string),
  text('outputOf', 'builtins.outputOf ($1) ($2)', [string, string], string),
  text('getEnv', 'builtins.getEnv ($1)', [string], string),
  text('fetchurl', 'builtins.fetchurl { url = $1; name = "a b"; }', [string], string),
  text('fetchTarball', 'builtins.fetchTarball { url = $1; name = "~"; }', [string], string),
  text('fetchGit', 'builtins.fetchGit { url = "https://x.invalid/y"; ref = ($1); z = 1; }', [string], any),
  text('fetchTree', 'builtins.fetchTree { type = "github"; owner = ($1); rev = "x"; }', [string], any),
  text('fetchMercurial', 'builtins.fetchMercurial { x = $1; }', [string], any),
  text('fetchClosure', 'builtins.fetchClosure { fromStore = ($1); }', [string], any),
  text('getFlake', 'builtins.getFlake ($1)', [set(int)], any),
  text('currentSystem', 'builtins.currentSystem', [], string),
  text('currentTime', '(builtins.currentTime > 0)', [], bool),
  text('nixVersion', 'builtins.nixVersion', [], string),
  text('langVersion', 'builtins.langVersion', [], int),
  text('storeDir', 'builtins.storeDir', [], string),
  text('nixPath', 'builtins.length builtins.nixPath', [], int),
  { name: 'null', text: 'null', takes: [], gives: nothing },
  { name: 'builtins', text: '(builtins ? a)', takes: [], gives: bool },
  { name: 'pair', text: '{ name = $1; value = $2; }', takes: [string, any], gives: pair },
];
