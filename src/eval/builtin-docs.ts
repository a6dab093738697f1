/** What a builtin is for: names of its arguments, and a text in Markdown. */
export interface BuiltinDoc {
  readonly args: readonly string[];
  readonly text: string;
}

/** Builtins that are functions and meant for users: names without underscores, arguments, what they do. */
const texts: readonly (readonly [name: string, args: string, text: string])[] = [
  ['abort', 's', 'Ends the whole evaluation with the message *s*. `tryEval` does not catch it.'],
  ['add', 'e1 e2', 'The sum of two numbers; a float if one of them is.'],
  [
    'addDrvOutputDependencies',
    's',
    'The string *s*, whose context is a single derivation file, with all outputs of that derivation and its build ' +
      'inputs in its context as well. Undoes `unsafeDiscardOutputDependency`.',
  ],
  ['addErrorContext', 'context value', 'The *value*; errors of its evaluation say *context* in their trace.'],
  ['all', 'pred list', 'Whether *pred* is `true` of every element of *list*. Stops at the first of which it is not.'],
  [
    'any',
    'pred list',
    'Whether *pred* is `true` of at least one element of *list*. Stops at the first of which it is.',
  ],
  ['appendContext', 's context', 'The string *s* with more context, given as `getContext` returns it.'],
  ['attrNames', 'set', 'The names of the attributes of *set*, sorted.'],
  ['attrValues', 'set', 'The values of the attributes of *set*, in the order of their sorted names.'],
  ['baseNameOf', 'x', 'What follows the last slash of a path or string; a slash at the very end does not count.'],
  ['bitAnd', 'e1 e2', 'The bits that two integers have in common.'],
  ['bitOr', 'e1 e2', 'The bits that at least one of two integers has.'],
  ['bitXor', 'e1 e2', 'The bits that exactly one of two integers has.'],
  ['break', 'v', 'With `--debugger`, stops here and starts a prompt with the variables in scope. The value is *v*.'],
  ['catAttrs', 'attr list', 'The values of the attribute *attr* of all sets of *list* that have it.'],
  ['ceil', 'number', 'The least integer that is not below *number*.'],
  [
    'compareVersions',
    's1 s2',
    '`-1` if the version *s1* is older than *s2*, `1` if it is newer, `0` if they are the same. Versions are compared ' +
      'component by component, as `splitVersion` finds them: numbers by value, and `pre` comes before everything.',
  ],
  ['concatLists', 'lists', 'A list of all elements of the lists in *lists*.'],
  ['concatMap', 'f list', 'As `concatLists (map f list)`, in one go.'],
  ['concatStringsSep', 'separator list', 'The strings of *list* joined into one, with *separator* between them.'],
  [
    'convertHash',
    'args',
    'A hash in another notation. *args* has the attributes `hash`, `toHashFormat` (`base16`, `nix32`, `base64` or ' +
      '`sri`) and, where `hash` does not say it, `hashAlgo`.',
  ],
  ['deepSeq', 'e1 e2', 'Evaluates *e1* with all that it contains, then returns *e2*.'],
  ['dirOf', 's', 'What precedes the last slash of a path or string: the folder that it is in.'],
  ['div', 'e1 e2', 'The quotient of two numbers; of integers it is rounded towards zero.'],
  ['elem', 'x xs', 'Whether an element of the list *xs* equals *x*.'],
  ['elemAt', 'xs n', 'The element *n* of the list *xs*, counted from 0.'],
  [
    'fetchClosure',
    'args',
    'A store path that is fetched with its closure from a binary cache (`fromStore`, `fromPath`).',
  ],
  ['fetchGit', 'args', 'A store path with the files of a commit of a Git repository. *args* is its URL, or a set.'],
  ['fetchMercurial', 'args', 'A store path with the files of a commit of a Mercurial repository.'],
  [
    'fetchTarball',
    'args',
    'A store path with what the archive at a URL unpacks to. *args* is the URL, or a set with `url`.',
  ],
  ['fetchTree', 'input', 'Files from one of the supported sources, chosen by `type`, with what is known of them.'],
  ['fetchurl', 'arg', 'A store path with the file at a URL. *arg* is the URL, or a set with `url` and `sha256`.'],
  ['filter', 'f list', 'The elements of *list* of which *f* is `true`.'],
  [
    'filterSource',
    'e1 e2',
    'The path *e2* as a copy in the store, of what the function *e1* takes: it gets the path of each file and its type ' +
      '(`"regular"`, `"directory"`, `"symlink"` or `"unknown"`) and returns a Boolean.',
  ],
  [
    'findFile',
    'search-path lookup-path',
    'The file that *lookup-path* means on *search-path*, a list of sets with `path` and `prefix`. `<a/b>` is `findFile nixPath "a/b"`.',
  ],
  ['flakeRefToString', 'attrs', "A flake's reference, given as a set, in the notation of URLs."],
  ['floor', 'number', 'The greatest integer that is not above *number*.'],
  [
    "foldl'",
    'op nul list',
    'Combines the elements of *list* from the left, beginning with *nul*: `op (op nul x0) x1` and so on. What *op* ' +
      'returns is evaluated at once.',
  ],
  ['fromJSON', 'e', 'The value that a text in JSON stands for.'],
  ['fromTOML', 'e', 'The value that a text in TOML stands for.'],
  ['functionArgs', 'f', 'The arguments that *f* names, as a set: `true` of those that have a default, else `false`.'],
  [
    'genList',
    'generator length',
    'A list of *length* elements, each what *generator* returns for its index, from 0 on.',
  ],
  [
    'genericClosure',
    'attrset',
    'All that can be reached: begins with the sets of `startSet`, calls `operator` with each for more of them, and ' +
      'takes of several with the same `key` the first.',
  ],
  ['getAttr', 's set', 'The attribute of *set* that the string *s* names; an error if there is none.'],
  ['getContext', 's', 'The store paths and derivations that the string *s* depends on, as a set.'],
  ['getEnv', 's', 'The environment variable *s*, or `""` where it is not set and in pure evaluation.'],
  ['getFlake', 'args', "A flake's outputs, with what is known of its source."],
  [
    'groupBy',
    'f list',
    'A set of lists: under each string that *f* returns, the elements of *list* for which it does.',
  ],
  ['hasAttr', 's set', 'Whether *set* has the attribute that the string *s* names.'],
  ['hasContext', 's', 'Whether the string *s* depends on store paths or derivations.'],
  [
    'hashFile',
    'type p',
    'The hash of the file at the path *p*, in base 16. *type* is `md5`, `sha1`, `sha256`, `sha512` or `blake3`.',
  ],
  [
    'hashString',
    'type s',
    'The hash of the string *s*, in base 16. *type* is `md5`, `sha1`, `sha256`, `sha512` or `blake3`.',
  ],
  ['head', 'list', 'The first element of *list*; an error if it is empty.'],
  [
    'import',
    'path',
    'The value of the Nix expression in the file at *path*; in a folder that is `default.nix`. A file is evaluated once ' +
      'however often it is imported, and sees no variables of whoever imports it.',
  ],
  ['intersectAttrs', 'e1 e2', 'The attributes of the set *e2* whose names the set *e1* has, too.'],
  ['isAttrs', 'e', 'Whether *e* is a set.'],
  ['isBool', 'e', 'Whether *e* is a Boolean.'],
  ['isFloat', 'e', 'Whether *e* is a float.'],
  ['isFunction', 'e', 'Whether *e* is a function. Sets that can be called are none.'],
  ['isInt', 'e', 'Whether *e* is an integer.'],
  ['isList', 'e', 'Whether *e* is a list.'],
  ['isNull', 'e', 'Whether *e* is `null`. Write `e == null` instead.'],
  ['isPath', 'e', 'Whether *e* is a path.'],
  ['isString', 'e', 'Whether *e* is a string.'],
  ['length', 'e', 'How many elements a list has.'],
  ['lessThan', 'e1 e2', 'Whether *e1* comes before *e2*: what `e1 < e2` means.'],
  [
    'listToAttrs',
    'e',
    'A set of a list of sets with `name` and `value`; of several with the same name the first counts.',
  ],
  ['map', 'f list', 'A list of what *f* returns for each element of *list*.'],
  ['mapAttrs', 'f attrset', 'A set with the names of *attrset*, and what *f* returns for each name and value.'],
  [
    'match',
    'regex str',
    'What the groups of an extended POSIX regular expression match, as a list with `null` for those that match ' +
      'nothing; `null` if *regex* does not match the whole of *str*.',
  ],
  ['mul', 'e1 e2', 'The product of two numbers; a float if one of them is.'],
  [
    'outputOf',
    'derivation-reference output-name',
    "A placeholder for an output's path of a derivation that another one makes.",
  ],
  ['parseDrvName', 's', "A package's name without its version, and the version, of a string such as `hello-2.12`."],
  ['parseFlakeRef', 'flake-ref', "A flake's reference, given in the notation of URLs, as a set."],
  ['partition', 'pred list', 'The elements of *list* in two lists: `right`, of which *pred* is `true`, and `wrong`.'],
  [
    'path',
    'args',
    'A copy of a file or folder in the store. *args* has `path`, and may have `name`, `filter` as `filterSource` takes ' +
      'it, `recursive` (`false` for the hash of a plain file), and the `sha256` that is expected.',
  ],
  ['pathExists', 'path', 'Whether there is anything at *path*.'],
  ['placeholder', 'output', 'A string that becomes the path of that output of the derivation in which it is used.'],
  [
    'readDir',
    'path',
    'The entries of a folder as a set, from name to type: `"regular"`, `"directory"`, `"symlink"` or `"unknown"`.',
  ],
  ['readFile', 'path', 'What a file contains, as a string.'],
  ['readFileType', 'p', 'What is at a path: `"regular"`, `"directory"`, `"symlink"` or `"unknown"`.'],
  ['removeAttrs', 'set list', 'The *set* without the attributes that *list* names.'],
  [
    'replaceStrings',
    'from to s',
    'The string *s* with each occurrence of a string of the list *from* replaced by its counterpart in the list *to*.',
  ],
  [
    'scopedImport',
    'scope path',
    'As `import`; the expression sees the attributes of the set *scope* as variables, too.',
  ],
  ['seq', 'e1 e2', 'Evaluates *e1*, but not what it contains, then returns *e2*.'],
  [
    'sort',
    'comparator list',
    'The *list* in order: `comparator a b` is whether *a* comes before *b*. Elements of which neither comes first keep ' +
      'their order.',
  ],
  [
    'split',
    'regex str',
    'What is between the matches of an extended POSIX regular expression in *str*, and for each match a list of what ' +
      'its groups match.',
  ],
  ['splitVersion', 's', 'The components of a version, as `compareVersions` compares them.'],
  ['storePath', 'path', 'A path that is in the store already, as a string that depends on it. Nothing is copied.'],
  ['stringLength', 'e', 'How many bytes a string has.'],
  ['sub', 'e1 e2', 'The difference of two numbers; a float if one of them is.'],
  [
    'substring',
    'start len s',
    'At most *len* bytes of the string *s*, from *start* on, counted from 0; to its end if *len* is negative.',
  ],
  [
    'tail',
    'list',
    'The *list* without its first element; an error if it is empty. It is a copy, so that loops over it are slow.',
  ],
  ['throw', 's', 'Ends the evaluation with the message *s*. `tryEval` catches it.'],
  ['toFile', 'name s', 'The store path of a file *name* that contains the string *s*.'],
  ['toJSON', 'e', 'The value *e* as JSON. Paths are copied to the store, and derivations become their output path.'],
  ['toPath', 's', 'Obsolete: write `/. + s` for a path.'],
  [
    'toString',
    'e',
    'The value *e* as a string: numbers in decimal, `true` as `"1"`, `false` and `null` as `""`, lists joined by blanks, ' +
      'and sets by their `__toString` or `outPath`.',
  ],
  ['toXML', 'e', 'The value *e* as XML.'],
  ['trace', 'e1 e2', 'Shows the value *e1* on standard error, then returns *e2*.'],
  ['traceVerbose', 'e1 e2', 'As `trace` if the setting `trace-verbose` is on; else just *e2*.'],
  [
    'tryEval',
    'e',
    'A set: `success` is whether *e* could be evaluated, and `value` is that value, or `false`. Only `throw` and ' +
      '`assert` are caught, and nothing that *e* contains is evaluated.',
  ],
  [
    'typeOf',
    'e',
    'What *e* is: `"int"`, `"bool"`, `"string"`, `"path"`, `"null"`, `"set"`, `"list"`, `"lambda"` or `"float"`.',
  ],
  [
    'unsafeDiscardOutputDependency',
    's',
    'The string *s*; of derivations in its context only the files are needed, not their outputs.',
  ],
  ['unsafeDiscardStringContext', 's', 'The string *s*, as if it depended on no store path.'],
  [
    'unsafeGetAttrPos',
    's set',
    'Where the attribute *s* of *set* was defined: `file`, `line` and `column`, or `null`.',
  ],
  ['warn', 'e1 e2', 'Shows the string *e1* as a warning, then returns *e2*.'],
  [
    'zipAttrsWith',
    'f list',
    'A set with the names of all sets of *list*, and what *f* returns for each name and the list of its values.',
  ],
];

const docs = new Map(texts.map(([name, args, text]) => [name, { args: args.split(' '), text }]));

/** Undefined where nothing is to be said. `name` is without underscores. */
export function findBuiltinDoc(name: string): BuiltinDoc | undefined {
  return docs.get(name);
}
