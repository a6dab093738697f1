import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type SingleDerivingPath,
  type StoreDir,
  type StorePath,
  isDerivationPath,
  parseStorePathIn,
  printStorePath,
} from '../../nix-compat/index.ts';
import { parseContextElement } from '../context-element.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, listElements, trueWord } from '../word.ts';
import { quoteName } from '../value-printer.ts';
import { argument, evalError, forceBool, forceList, forcePlainString, forceSet, forceString } from './arguments.ts';
import { ensurePresent } from './realise.ts';
import type { HostBuiltin } from './table.ts';

function discardContext(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const { text } = evaluator.coerceWithin(
    argument(evaluator, args, 0),
    'while evaluating the argument passed to builtins.unsafeDiscardStringContext',
  );
  return core.string(text);
}

function hasContext(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the argument passed to builtins.hasContext';
  const { context } = forceString(evaluator, argument(evaluator, args, 0), doing);
  return { low: context === 0 ? 15 : 23, high: 0 };
}

/** Every dependency on a derivation with all that it needs becomes one on the derivation alone. */
function discardOutputDependency(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const { text, context } = evaluator.coerceWithin(
    argument(evaluator, args, 0),
    'while evaluating the argument passed to builtins.unsafeDiscardOutputDependency',
  );
  const elements = core.context(context).map(element => brandAs<ByteString>(element.replace(/^=/, '')));
  return core.string(text, core.newContext(elements));
}

function addOutputDependencies(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  const { text, context } = evaluator.coerceWithin(
    argument(evaluator, args, 0),
    'while evaluating the argument passed to builtins.addDrvOutputDependencies',
  );
  const elements = core.context(context);
  const [element] = elements;
  if (element === undefined || elements.length !== 1) {
    throw evalError`context of string '${displayBytes(text)}' must have exactly one element, but has ${elements.length}`;
  }
  const parsed = parseContextElement(element);
  if (parsed.kind === 'built') {
    const output = displayBytes(parsed.output);
    throw evalError`\`addDrvOutputDependencies\` can only act on derivations, not on a derivation output such as '${output}'`;
  }
  if (parsed.kind === 'opaque' && !isDerivationPath(parsed.path)) {
    throw evalError`path '${printStorePath(io.storeDir, parsed.path)}' is not a derivation`;
  }
  return core.string(text, core.newContext([brandAs<ByteString>(`=${element.replace(/^=/, '')}`)]));
}

interface ContextOfPath {
  path: boolean;
  allOutputs: boolean;
  readonly outputs: ByteString[];
}

/** By store path in which ways the string depends on it. */
function getContext(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  const doing = 'while evaluating the argument passed to builtins.getContext';
  const { context } = forceString(evaluator, argument(evaluator, args, 0), doing);
  const byPath = new Map<StorePath, ContextOfPath>();
  for (const element of core.context(context)) {
    const parsed = parseContextElement(element);
    const path = parsed.kind === 'built' ? baseOf(parsed.derivation) : parsed.path;
    const info = byPath.get(path) ?? { path: false, allOutputs: false, outputs: [] };
    byPath.set(path, info);
    if (parsed.kind === 'opaque') info.path = true;
    else if (parsed.kind === 'deep') info.allOutputs = true;
    else info.outputs.push(parsed.output);
  }
  const attributes = [...byPath].map(([path, { path: isPath, allOutputs, outputs }]) => {
    const info: [ByteString, Word][] = [];
    if (isPath) info.push([byteStringFromText('path'), trueWord]);
    if (allOutputs) info.push([byteStringFromText('allOutputs'), trueWord]);
    if (outputs.length > 0)
      info.push([byteStringFromText('outputs'), core.list(outputs.map(output => core.string(output)))]);
    return [printStorePath(io.storeDir, path), core.set(info)] as const;
  });
  return core.set(attributes);
}

/** A derivation that is itself an output is not built here: what it will be called is not known. */
function baseOf(derivation: SingleDerivingPath): StorePath {
  if (derivation.kind === 'opaque') return derivation.path;
  throw evalError`the output ${displayBytes(derivation.output)} of a derivation is not built yet`;
}

function appendContext(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  const firstText = 'while evaluating the first argument passed to builtins.appendContext';
  const original = forceString(evaluator, argument(evaluator, args, 0), firstText);
  const secondText = 'while evaluating the second argument passed to builtins.appendContext';
  const elements: ByteString[] = [];
  const additions = forceSet(evaluator, argument(evaluator, args, 1), secondText);
  for (const { symbol, position, word } of core.attributes(additions)) {
    const bytes = core.nameOf(symbol);
    const name = displayBytes(bytes);
    const at = evaluator.positions.resolve(position);
    const path = storePathIn(io.storeDir, name);
    if (path === undefined) throw evalError`context key '${quoteName(bytes)}' is not a store path`.at(at);
    ensurePresent(evaluator, path);
    const isDerivation = name.endsWith('.drv');
    const info = forceSet(evaluator, word, 'while evaluating the value of a string context', position);
    const find = (key: string) => core.lookup(info, core.internText(key));
    const isPath = find('path');
    const pathText = 'while evaluating the `path` attribute of a string context';
    if (isPath !== undefined && forceBool(evaluator, isPath.word, pathText, isPath.position)) {
      elements.push(brandAs<ByteString>(path));
    }
    const allOutputs = find('allOutputs');
    const allText = 'while evaluating the `allOutputs` attribute of a string context';
    if (allOutputs !== undefined && forceBool(evaluator, allOutputs.word, allText, allOutputs.position)) {
      if (!isDerivation) {
        throw evalError`tried to add all-outputs context of ${name}, which is not a derivation, to a string`.at(at);
      }
      elements.push(brandAs<ByteString>(`=${path}`));
    }
    const outputs = find('outputs');
    if (outputs === undefined) continue;
    const listText = 'while evaluating the `outputs` attribute of a string context';
    const list = listElements(core.memory, forceList(evaluator, outputs.word, listText, outputs.position));
    if (list.length > 0 && !isDerivation) {
      throw evalError`tried to add derivation output context of ${name}, which is not a derivation, to a string`.at(at);
    }
    for (const element of list) {
      const outputText = 'while evaluating an output name within a string context';
      const output = forcePlainString(evaluator, element, outputText, outputs.position);
      elements.push(brandAs<ByteString>(`!${output}!${path}`));
    }
  }
  return core.string(original.text, core.exports.uniteContexts(original.context, core.newContext(elements)));
}

function storePathIn(storeDir: StoreDir, name: string): StorePath | undefined {
  try {
    return parseStorePathIn(storeDir, byteStringFromText(name));
  } catch {
    return undefined;
  }
}

export const contextBuiltins: readonly HostBuiltin[] = [
  { name: '__unsafeDiscardStringContext', arity: 1, call: discardContext },
  { name: '__hasContext', arity: 1, call: hasContext },
  { name: '__unsafeDiscardOutputDependency', arity: 1, call: discardOutputDependency },
  { name: '__addDrvOutputDependencies', arity: 1, call: addOutputDependencies },
  { name: '__getContext', arity: 1, call: getContext },
  { name: '__appendContext', arity: 2, call: appendContext },
];
