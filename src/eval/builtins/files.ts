import { type ByteString, brandAs, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import {
  type NixHash,
  ReferenceScanner,
  type StorePath,
  filterByHashPart,
  makeFixedOutputPath,
  parseStorePath,
  printStorePath,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { baseNameOf, canonicalPathOf, parentOf } from '../canonical-path.ts';
import { coerce } from '../core-exports.ts';
import type { FileType } from '../eval-io.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, falseWord, kindOf, listElements, pathTextOf, trueWord } from '../word.ts';
import { mark } from '../error-log.ts';
import {
  argument,
  coerceToPath,
  evalError,
  forceBool,
  forceFunction,
  forceList,
  forcePlainString,
  forceSet,
  forceString,
  requireAttribute,
  within,
} from './arguments.ts';
import { quoteName } from '../value-printer.ts';
import { parseHashAllowEmpty } from './hash.ts';
import { parseContextElement } from '../context-element.ts';
import { ensurePresent, realiseContext, realisePath, referencesOf, storeObjectOf } from './realise.ts';
import type { HostBuiltin } from './table.ts';

function pathExists(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const word = core.force(argument(evaluator, args, 0));
  const isString = kindOf(core.memory, word) === 'string';
  const mustBeFolder = isString && /\/\.?$/.test(core.memory.string(addressOf(word)));
  const found = evaluator.io.stat(realisePath(evaluator, word, mustBeFolder ? 'full' : 'ancestors'));
  return found !== undefined && (!mustBeFolder || found.type === 'directory') ? trueWord : falseWord;
}

/** The contents, which depend on what the file's store object refers to and the file mentions. */
function readFile(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const path = realisePath(evaluator, argument(evaluator, args, 0), 'full');
  const contents = evaluator.files.read(path);
  if (contents.includes(0)) {
    throw evalError`the contents of the file '${displayBytes(path)}' cannot be represented as a Nix string`;
  }
  const references = referencesOf(evaluator, path);
  if (references.length === 0) return { low: core.newBytes(contents) + 2, high: 0 };
  const scanner = new ReferenceScanner(references.map(storePathHashPart));
  scanner.update(contents);
  const mentioned = filterByHashPart(references, scanner.found);
  return {
    low: core.newBytes(contents, core.newContext(mentioned.map(reference => brandAs<ByteString>(reference)))) + 2,
    high: 0,
  };
}

function readDir(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const folder = realisePath(evaluator, argument(evaluator, args, 0), 'full');
  const entries = [...evaluator.io.readDirectory(folder)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, type]) => {
      const known = type ?? evaluator.io.stat(brandAs<ByteString>(`${folder}/${name}`))?.type ?? 'unknown';
      return [name, core.string(byteStringFromText(known))] as const;
    });
  return core.set(entries);
}

function readFileType(evaluator: Evaluator, args: number): Word {
  const path = realisePath(evaluator, argument(evaluator, args, 0), 'ancestors');
  return evaluator.core.string(byteStringFromText(evaluator.files.typeOf(path)));
}

function findFile(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const listText = 'while evaluating the first argument passed to builtins.findFile';
  const entries = listElements(core.memory, forceList(evaluator, argument(evaluator, args, 0), listText));
  const search: { readonly prefix: ByteString; readonly path: ByteString }[] = entries.map(entry => {
    const doing = 'while evaluating an element of the list passed to builtins.findFile';
    const attrs = forceSet(evaluator, entry, doing);
    const prefix = core.lookup(attrs, core.internText('prefix'));
    const prefixText = 'while evaluating the `prefix` attribute of an element of the list passed to builtins.findFile';
    const plainPrefix =
      prefix === undefined ? byteStringFromText('') : forcePlainString(evaluator, prefix.word, prefixText);
    const path = requireAttribute(evaluator, attrs, 'path', 'in an element of the __nixPath');
    const pathText = 'while evaluating the `path` attribute of an element of the list passed to builtins.findFile';
    const { text, context } = core.coerce(path.word, coerce.canonical, pathText);
    const rewrite = realiseContext(evaluator, context, invalid => {
      return evalError`cannot find '${displayBytes(text)}', since path '${invalid}' is not valid`;
    });
    return { prefix: plainPrefix, path: rewrite(text) };
  });
  const nameText = 'while evaluating the second argument passed to builtins.findFile';
  const name = forcePlainString(evaluator, argument(evaluator, args, 1), nameText);
  return core.path(evaluator.files.find(search, name));
}

function toFile(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  const nameText = 'while evaluating the first argument passed to builtins.toFile';
  const name = displayBytes(forcePlainString(evaluator, argument(evaluator, args, 0), nameText));
  const contentText = 'while evaluating the second argument passed to builtins.toFile';
  const contents = forceString(evaluator, argument(evaluator, args, 1), contentText);
  const references = new Set<StorePath>();
  for (const element of core.context(contents.context)) {
    const parsed = parseContextElement(element);
    if (parsed.kind !== 'opaque') {
      const shown = displayBytes(element);
      throw evalError`files created by ${'builtins.toFile'} may not reference derivations, but ${name} references ${shown}`;
    }
    references.add(parsed.path);
  }
  return storePathWord(evaluator, io.addText(name, bytesOf(contents.text), references));
}

/** A string with the store path, which depends on it, and may be looked at. */
export function storePathWord(evaluator: Evaluator, path: StorePath): Word {
  const { core, io } = evaluator;
  const printed = printStorePath(io.storeDir, path);
  evaluator.access?.allow(printed);
  return core.string(printed, core.newContext([brandAs<ByteString>(path)]));
}

interface PathArguments {
  readonly path: ByteString;
  readonly name: string;
  readonly method: 'flat' | 'nar';
  readonly filter: Word | undefined;
  readonly expected: NixHash | undefined;
  /** What the path depends on. */
  readonly context: number;
}

function addPath(evaluator: Evaluator, { path, name, method, filter, expected, context }: PathArguments): Word {
  const { core, io } = evaluator;
  const added = within(evaluator, `while adding path '${mark(evaluator.shownTrees.show(displayBytes(path)))}'`, () => {
    const isBuilt = context !== 0 && storeObjectOf(evaluator, path) !== undefined;
    const source = isBuilt ? canonicalPathOf(realiseContext(evaluator, context)(path)) : path;
    const references = isBuilt ? referencesOf(evaluator, source) : [];
    const root = evaluator.files.resolve(source);
    const accept =
      filter === undefined
        ? undefined
        : (entry: ByteString, type: FileType) => {
            const result = core.call(filter, [core.string(entry), core.string(byteStringFromText(type))]);
            return forceBool(evaluator, result, 'while evaluating the return value of the path filter function');
          };
    const storeObject = io.addPath({ path: root, name, method, filter: accept, references });
    if (expected === undefined) return storeObject;
    const info = { method, hash: expected, references: { others: references, self: false } };
    if (makeFixedOutputPath(io.storeDir, name, info) === storeObject) return storeObject;
    throw evalError`store path mismatch in (possibly filtered) path added from '${displayBytes(path)}'`;
  });
  return storePathWord(evaluator, added);
}

function filterSource(evaluator: Evaluator, args: number): Word {
  const doing = "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'";
  const { path, context } = coerceToPath(evaluator, argument(evaluator, args, 1), doing);
  const filterText = 'while evaluating the first argument passed to builtins.filterSource';
  const filter = forceFunction(evaluator, argument(evaluator, args, 0), filterText);
  const name = displayBytes(baseNameOf(path));
  return addPath(evaluator, { path, name, method: 'nar', filter, expected: undefined, context });
}

function addPathOf(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const doing = "while evaluating the argument passed to 'builtins.path'";
  const attrs = forceSet(evaluator, argument(evaluator, args, 0), doing);
  let path: ByteString | undefined;
  let context = 0;
  let name = '';
  let filter: Word | undefined;
  let method: 'flat' | 'nar' = 'nar';
  let expected: NixHash | undefined;
  for (const { symbol, word, position } of core.attributes(attrs)) {
    const key = core.nameOf(symbol);
    const attributeText = `while evaluating the \`${displayBytes(key)}\` attribute passed to builtins.path`;
    switch (key) {
      case 'path': {
        const pathText = "while evaluating the 'path' attribute passed to 'builtins.path'";
        ({ path, context } = coerceToPath(evaluator, word, pathText, position));
        break;
      }
      case 'name':
        name = displayBytes(forcePlainString(evaluator, word, attributeText, position));
        break;
      case 'filter':
        filter = forceFunction(evaluator, word, attributeText.replace('attribute', 'parameter'), position);
        break;
      case 'recursive':
        method = forceBool(evaluator, word, attributeText, position) ? 'nar' : 'flat';
        break;
      case 'sha256':
        expected = parseHashAllowEmpty(evaluator, forcePlainString(evaluator, word, attributeText, position), 'sha256');
        break;
      default: {
        const error = evalError`unsupported argument '${quoteName(key)}' to 'builtins.path'`;
        throw error.at(evaluator.positions.resolve(position));
      }
    }
  }
  if (path === undefined) throw evalError`missing required 'path' attribute in the first argument to 'builtins.path'`;
  return addPath(evaluator, { path, name: name || displayBytes(baseNameOf(path)), method, filter, expected, context });
}

function storePath(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  if (evaluator.access?.purity === 'pure')
    throw evalError`'${'builtins.storePath'}' is not allowed in pure evaluation mode`;
  const doing = "while evaluating the first argument passed to 'builtins.storePath'";
  const given = coerceToPath(evaluator, argument(evaluator, args, 0), doing);
  const direct = storeObjectOf(evaluator, given.path);
  const isDirect = direct !== undefined && given.path === printStorePath(io.storeDir, direct);
  const path = isDirect ? given.path : evaluator.files.resolve(given.path);
  const prefix = `${io.storeDir}/`;
  if (!path.startsWith(prefix)) throw evalError`path '${displayBytes(path)}' is not in the Nix store`;
  const object = isDirect ? direct : parseStorePath(path.slice(prefix.length).split('/')[0] ?? '');
  ensurePresent(evaluator, object);
  return core.string(path, core.exports.uniteContexts(given.context, core.newContext([brandAs<ByteString>(object)])));
}

function toPath(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.toPath';
  const { path, context } = coerceToPath(evaluator, argument(evaluator, args, 0), doing);
  return evaluator.core.string(path, context);
}

function baseNameOfValue(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.baseNameOf';
  const { text, context } = evaluator.coerceWithin(argument(evaluator, args, 0), doing, coerce.canonical);
  const trimmed = text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text;
  return evaluator.core.string(brandAs<ByteString>(trimmed.slice(trimmed.lastIndexOf('/') + 1)), context);
}

function dirOf(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const word = core.force(argument(evaluator, args, 0));
  if (kindOf(core.memory, word) === 'path')
    return core.path(parentOf(core.memory.string(pathTextOf(core.memory, word))));
  const doing = "while evaluating the first argument passed to 'builtins.dirOf'";
  const { text, context } = evaluator.coerceWithin(word, doing, coerce.canonical);
  const at = text.lastIndexOf('/');
  const folder = at < 0 ? '.' : at === 0 ? '/' : text.slice(0, at);
  return core.string(brandAs<ByteString>(folder), context);
}

function getEnv(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.getEnv';
  const name = displayBytes(forcePlainString(evaluator, argument(evaluator, args, 0), doing));
  return evaluator.core.string(byteStringFromText(evaluator.io.environment(name) ?? ''));
}

export const fileBuiltins: readonly HostBuiltin[] = [
  { name: '__pathExists', arity: 1, call: pathExists },
  { name: '__readFile', arity: 1, call: readFile },
  { name: '__readDir', arity: 1, call: readDir },
  { name: '__readFileType', arity: 1, call: readFileType },
  { name: '__findFile', arity: 2, call: findFile },
  { name: '__toFile', arity: 2, call: toFile },
  { name: '__filterSource', arity: 2, call: filterSource },
  { name: '__path', arity: 1, call: addPathOf },
  { name: '__storePath', arity: 1, call: storePath },
  { name: '__toPath', arity: 1, call: toPath },
  { name: 'baseNameOf', arity: 1, call: baseNameOfValue },
  { name: 'dirOf', arity: 1, call: dirOf },
  { name: '__getEnv', arity: 1, call: getEnv },
];
