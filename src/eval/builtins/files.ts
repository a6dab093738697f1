import { type ByteString, brandAs, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import {
  Hasher,
  type StorePath,
  formatHash,
  makeFixedOutputPath,
  parseHash,
  parseHashAlgorithm,
  printStorePath,
} from '../../nix-compat/index.ts';
import { baseNameOf, parentOf } from '../canonical-path.ts';
import { coerce } from '../core-exports.ts';
import type { FileType } from '../eval-io.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, falseWord, kindOf, listElements, pathTextOf, trueWord } from '../word.ts';
import {
  argument,
  coerceToPath,
  evalError,
  forceBool,
  forceList,
  forcePlainString,
  forceSet,
  forceString,
  within,
} from './arguments.ts';
import { parseContextElement } from './string-context.ts';
import type { HostBuiltin } from './table.ts';

const realising = 'while realising the context of a path';

function pathExists(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const word = core.force(argument(evaluator, args, 0));
  const isString = kindOf(core.memory, word) === 'string';
  const mustBeFolder = isString && /\/\.?$/.test(core.memory.string(addressOf(word)));
  const { path } = coerceToPath(evaluator, word, realising);
  const found = evaluator.io.stat(evaluator.files.resolve(path, mustBeFolder ? 'full' : 'ancestors'));
  return found !== undefined && (!mustBeFolder || found.type === 'directory') ? trueWord : falseWord;
}

function readFile(evaluator: Evaluator, args: number): Word {
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 0), realising);
  const contents = evaluator.io.readFile(evaluator.files.resolve(path));
  if (contents.includes(0)) {
    throw evalError(`the contents of the file '${displayBytes(path)}' cannot be represented as a Nix string`);
  }
  return { low: evaluator.core.newBytes(contents) + 2, high: 0 };
}

function readDir(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 0), realising);
  const folder = evaluator.files.resolve(path);
  const entries = [...evaluator.io.readDirectory(folder)].map(([name, type]) => {
    const known = type ?? evaluator.io.stat(brandAs<ByteString>(`${folder}/${name}`))?.type ?? 'unknown';
    return [name, core.string(byteStringFromText(known))] as const;
  });
  return core.set(entries);
}

function readFileType(evaluator: Evaluator, args: number): Word {
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 0), realising);
  const found = evaluator.io.stat(evaluator.files.resolve(path, 'ancestors'));
  if (found === undefined) throw evalError(`path '${displayBytes(path)}' does not exist`);
  return evaluator.core.string(byteStringFromText(found.type));
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
    const path = core.lookup(attrs, core.internText('path'));
    if (path === undefined) {
      return within(evaluator, 'in an element of the __nixPath', () => {
        throw evalError("attribute 'path' missing");
      });
    }
    return {
      prefix: prefix === undefined ? byteStringFromText('') : forcePlainString(evaluator, prefix.word, prefixText),
      path: core.coerce(path.word, coerce.canonical).text,
    };
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
      throw evalError(
        `files created by builtins.toFile may not reference derivations, but ${name} references ${displayBytes(element)}`,
      );
    }
    references.add(parsed.path);
  }
  return storePathWord(evaluator, io.addText(name, bytesOf(contents.text), references));
}

/** A string with the store path, which depends on it. */
export function storePathWord(evaluator: Evaluator, path: StorePath): Word {
  const { core, io } = evaluator;
  return core.string(printStorePath(io.storeDir, path), core.newContext([brandAs<ByteString>(path)]));
}

interface PathArguments {
  readonly path: ByteString;
  readonly name: string;
  readonly method: 'flat' | 'nar';
  readonly filter: Word | undefined;
  readonly expected: ByteString | undefined;
}

function addPath(evaluator: Evaluator, { path, name, method, filter, expected }: PathArguments): Word {
  const { core, io } = evaluator;
  const root = evaluator.files.resolve(path);
  const accept =
    filter === undefined
      ? undefined
      : (entry: ByteString, type: FileType) => {
          const given = brandAs<ByteString>(path + entry.slice(root.length));
          const result = core.call(filter, [core.string(given), core.string(byteStringFromText(type))]);
          return forceBool(evaluator, result, 'while evaluating the return value of the path filter function');
        };
  const storePath = within(evaluator, `while adding path '${displayBytes(path)}'`, () => {
    const added = io.addPath({ path: root, name, method, filter: accept });
    if (expected === undefined) return added;
    const hash = parseHash(displayBytes(expected), 'sha256');
    if (makeFixedOutputPath(io.storeDir, name, { method, hash }) === added) return added;
    throw evalError(`store path mismatch in (possibly filtered) path added from '${displayBytes(path)}'`);
  });
  return storePathWord(evaluator, storePath);
}

function filterSource(evaluator: Evaluator, args: number): Word {
  const doing = "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'";
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 1), doing);
  const filter = argument(evaluator, args, 0);
  return addPath(evaluator, { path, name: displayBytes(baseNameOf(path)), method: 'nar', filter, expected: undefined });
}

function addPathOf(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const doing = "while evaluating the argument passed to 'builtins.path'";
  const attrs = forceSet(evaluator, argument(evaluator, args, 0), doing);
  let path: ByteString | undefined;
  let name: string | undefined;
  let filter: Word | undefined;
  let method: 'flat' | 'nar' = 'nar';
  let expected: ByteString | undefined;
  for (const { symbol, word } of core.attributes(attrs)) {
    const key = core.nameOf(symbol);
    const attributeText = `while evaluating the \`${displayBytes(key)}\` attribute passed to builtins.path`;
    switch (key) {
      case 'path':
        path = coerceToPath(evaluator, word, "while evaluating the 'path' attribute passed to 'builtins.path'").path;
        break;
      case 'name':
        name = displayBytes(forcePlainString(evaluator, word, attributeText));
        break;
      case 'filter':
        filter = word;
        break;
      case 'recursive':
        method = forceBool(evaluator, word, attributeText) ? 'nar' : 'flat';
        break;
      case 'sha256':
        expected = forcePlainString(evaluator, word, attributeText);
        break;
      default:
        throw evalError(`unsupported argument '${displayBytes(key)}' to 'builtins.path'`);
    }
  }
  if (path === undefined) throw evalError("missing required 'path' attribute in the first argument to 'builtins.path'");
  return addPath(evaluator, { path, name: name ?? displayBytes(baseNameOf(path)), method, filter, expected });
}

function storePath(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  const doing = "while evaluating the first argument passed to 'builtins.storePath'";
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 0), doing);
  const prefix = `${io.storeDir}/`;
  const real = path.startsWith(prefix) && !path.slice(prefix.length).includes('/') ? path : evaluator.files.resolve(path);
  if (!real.startsWith(prefix)) throw evalError(`path '${displayBytes(real)}' is not in the Nix store`);
  const base = real.slice(prefix.length).split('/')[0] ?? '';
  return core.string(real, core.newContext([brandAs<ByteString>(base)]));
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
  if (kindOf(core.memory, word) === 'path') return core.path(parentOf(core.memory.string(pathTextOf(core.memory, word))));
  const doing = "while evaluating the first argument passed to 'builtins.dirOf'";
  const { text, context } = evaluator.coerceWithin(word, doing, coerce.canonical);
  const at = text.lastIndexOf('/');
  const folder = at < 0 ? '.' : at === 0 ? '/' : text.slice(0, at);
  return core.string(brandAs<ByteString>(folder), context);
}

function hashFile(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.hashFile';
  const algorithm = parseHashAlgorithm(displayBytes(forcePlainString(evaluator, argument(evaluator, args, 0), doing)));
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 1), realising);
  const hasher = new Hasher(algorithm);
  hasher.update(evaluator.io.readFile(evaluator.files.resolve(path)));
  return evaluator.core.string(byteStringFromText(formatHash(hasher.finish(), 'base16')));
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
  { name: '__hashFile', arity: 2, call: hashFile },
  { name: '__getEnv', arity: 1, call: getEnv },
];

