import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type ContentAddressMethod,
  type Derivation,
  type DerivationOutput,
  type HashAlgorithm,
  type JsonValue,
  type OutputName,
  type StorePath,
  checkStorePathName,
  fillOutputPaths,
  isHashAlgorithm,
  makeDerivationFile,
  outputPath,
  outputPlaceholder,
  parseContentAddressMethod,
  parseStructuredAttrs,
  placeholderOfOutput,
  formatPlaceholder,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Attribute } from '../core.ts';
import { coerce, frameKinds, frameSize, jsonFlags } from '../core-exports.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, listElements, nullWord } from '../word.ts';
import {
  argument,
  evalError,
  forceBool,
  forceList,
  forcePlainString,
  forceSet,
  forceString,
  requireAttribute,
  within,
} from './arguments.ts';
import { readInputs } from './derivation-inputs.ts';
import { fixedOutputOf } from './derivation-parts.ts';
import { parseOwnJson, toJson } from './json.ts';
import type { HostBuiltin } from './table.ts';

/** What the attributes say, as they are gone through in the order of their names. */
interface Draft {
  readonly name: ByteString;
  readonly env: Map<ByteString, ByteString>;
  readonly args: ByteString[];
  builder: ByteString;
  platform: ByteString;
  outputs: ByteString[];
  outputHash: ByteString | undefined;
  outputHashAlgo: HashAlgorithm | undefined;
  method: ContentAddressMethod | undefined;
  contentAddressed: boolean;
  impure: boolean;
  /** Whether attributes are passed as they are, and not as strings. */
  readonly isStructured: boolean;
  structured: Map<ByteString, JsonValue> | undefined;
  context: number;
}

const text = byteStringFromText;

/** Any derivation. The core makes those itself that are like most (src/core/builtins/derivation.ts). */
function derivationStrict(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const argumentText = 'while evaluating the argument passed to builtins.derivationStrict';
  const attrs = forceSet(evaluator, argument(evaluator, args, 0), argumentText);
  const where = 'in the attrset passed as argument to builtins.derivationStrict';
  const nameAttribute = requireAttribute(evaluator, attrs, 'name', where);
  const nameText = 'while evaluating the `name` attribute passed to builtins.derivationStrict';
  const name = within(
    evaluator,
    "while evaluating the derivation attribute 'name'",
    () => forcePlainString(evaluator, nameAttribute.word, nameText),
    nameAttribute.position,
  );
  // Not interned: symbols are in the order in which a program first has them.
  core.exports.push(frameKinds.derivation, nameAttribute.position, core.newString(name), 0);
  const result = makeDerivation(evaluator, attrs, name);
  core.exports.pop();
  return result;
}

function makeDerivation(evaluator: Evaluator, attrs: number, name: ByteString): Word {
  const { core } = evaluator;
  const { symbols } = evaluator;
  checkName(name);
  const flag = (symbol: number, what: string) => {
    const found = core.lookup(attrs, symbol);
    const doing = `while evaluating the \`${what}\` attribute passed to builtins.derivationStrict`;
    return found !== undefined && forceBool(evaluator, found.word, doing);
  };
  const isStructured = flag(symbols.structuredAttrs, '__structuredAttrs');
  const ignoreNulls = flag(symbols.ignoreNulls, '__ignoreNulls');
  const draft: Draft = {
    name,
    env: new Map(),
    args: [],
    builder: text(''),
    platform: text(''),
    outputs: [text('out')],
    outputHash: undefined,
    outputHashAlgo: undefined,
    method: undefined,
    contentAddressed: false,
    impure: false,
    isStructured,
    structured: isStructured ? new Map() : undefined,
    context: 0,
  };
  const nameString = core.newString(name);
  const siblings = isStructured ? frameKinds.jsonAttributes : frameKinds.derivationAttributes;
  const flags = isStructured ? jsonFlags.copies | jsonFlags.strict : 0;
  core.exports.push(siblings, 0, core.exports.plainOf(attrs), flags);
  const record = core.exports.logTopNow() - frameSize;
  for (const [index, attribute] of core.sortedAttributes(attrs).entries()) {
    core.memory.setU32(record + 4, index);
    if (attribute.symbol === symbols.ignoreNulls) continue;
    core.exports.push(frameKinds.derivationAttribute, attribute.position, attribute.symbol, nameString);
    if (!ignoreNulls || core.force(attribute.word).low !== nullWord.low) readAttribute(evaluator, draft, attribute);
    core.exports.pop();
  }
  core.exports.pop();
  return finish(evaluator, draft);
}

function checkName(name: ByteString): void {
  try {
    checkStorePathName(displayBytes(name));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw evalError([`invalid derivation name: ${reason}. Please pass a different '`, "'."], 'name');
  }
}

function readAttribute(evaluator: Evaluator, draft: Draft, { symbol, word }: Attribute): void {
  const { core } = evaluator;
  const key = core.nameOf(symbol);
  switch (key) {
    case '__contentAddressed':
      draft.contentAddressed = forceBool(evaluator, word, '');
      if (draft.contentAddressed) evaluator.requireFeature('ca-derivations');
      return;
    case '__impure':
      draft.impure = forceBool(evaluator, word, '');
      if (draft.impure) evaluator.requireFeature('impure-derivations');
      return;
    case 'args':
      evaluator.forEach(listElements(core.memory, forceList(evaluator, word, '')), element => {
        const doing = 'while evaluating an element of the argument list';
        const string = core.coerce(element, coerce.more | coerce.copy | coerce.canonical, doing);
        draft.args.push(string.text);
        draft.context = core.exports.uniteContexts(draft.context, string.context);
      });
      return;
    default:
      if (draft.isStructured) readStructured(evaluator, draft, key, word);
      else readVariable(evaluator, draft, key, word);
  }
}

function readVariable(evaluator: Evaluator, draft: Draft, key: ByteString, word: Word): void {
  const { core } = evaluator;
  const string = core.coerce(word, coerce.more | coerce.copy | coerce.canonical);
  draft.context = core.exports.uniteContexts(draft.context, string.context);
  if (key === '__json') {
    evaluator.warn(
      `In derivation '${displayBytes(draft.name)}': setting structured attributes via '__json' is deprecated, and may be disallowed in future versions of Nix. Set '__structuredAttrs = true' instead.`,
    );
    draft.structured = new Map(parseStructuredAttrs(string.text));
    return;
  }
  draft.env.set(key, string.text);
  if (key === 'outputs') {
    const names = string.text.split(/[ \t\n\r]+/).filter(part => part !== '');
    draft.outputs = checkOutputs(names.map(part => brandAs<ByteString>(part)));
  } else readKnown(evaluator, draft, key, string.text);
}

/** What has a meaning of its own, beside being passed on. */
function readKnown(evaluator: Evaluator, draft: Draft, key: ByteString, value: ByteString): void {
  switch (key) {
    case 'builder':
      draft.builder = value;
      return;
    case 'system':
      draft.platform = value;
      return;
    case 'outputHash':
      draft.outputHash = value;
      return;
    case 'outputHashAlgo':
      // An unknown one is none: the hash has to say what it is then.
      draft.outputHashAlgo = isHashAlgorithm(value) ? value : undefined;
      return;
    case 'outputHashMode':
      draft.method = readMethod(evaluator, draft, value);
      return;
    default:
  }
}

function readMethod(evaluator: Evaluator, { name }: Draft, mode: ByteString): ContentAddressMethod {
  let method: ContentAddressMethod = 'nar';
  try {
    if (mode !== 'recursive') method = parseContentAddressMethod(mode);
  } catch {
    throw evalError`invalid value '${displayBytes(mode)}' for 'outputHashMode' attribute`;
  }
  if (method === 'text') {
    const reason = `text-hashed derivation '${displayBytes(name)}', outputHashMode = "text"`;
    evaluator.requireFeature('dynamic-derivations', reason);
  }
  if (method === 'git') evaluator.requireFeature('git-hashing');
  return method;
}

function checkOutputs(outputs: ByteString[]): ByteString[] {
  const seen = new Set<ByteString>();
  for (const output of outputs) {
    if (seen.has(output)) throw evalError`duplicate derivation output '${displayBytes(output)}'`;
    if (output === 'drvPath') throw evalError`invalid derivation output name 'drvPath'`;
    seen.add(output);
  }
  if (outputs.length === 0) throw evalError`derivation cannot have an empty set of outputs`;
  return outputs;
}

/** Attributes that structured attributes have in `outputChecks` instead. */
const checkedPerOutput = new Set<string>([
  'allowedReferences',
  'allowedRequisites',
  'disallowedReferences',
  'disallowedRequisites',
  'maxClosureSize',
  'maxSize',
]);

function readStructured(evaluator: Evaluator, draft: Draft, key: ByteString, word: Word): void {
  if (key === '__structuredAttrs') return;
  const { core } = evaluator;
  const { text: json, context } = toJson(evaluator, word);
  draft.context = core.exports.uniteContexts(draft.context, context);
  draft.structured?.set(key, parseOwnJson(json));
  switch (key) {
    case 'builder': {
      const string = forceString(evaluator, word, '');
      draft.context = core.exports.uniteContexts(draft.context, string.context);
      draft.builder = string.text;
      return;
    }
    case 'outputs': {
      const elements = listElements(core.memory, forceList(evaluator, word, ''));
      draft.outputs = checkOutputs(elements.map(element => forcePlainString(evaluator, element, '')));
      return;
    }
    case 'system':
    case 'outputHash':
    case 'outputHashAlgo':
    case 'outputHashMode':
      readKnown(evaluator, draft, key, forcePlainString(evaluator, word, ''));
      return;
    default:
      if (!checkedPerOutput.has(key)) return;
      evaluator.warn(
        `In a derivation named '${displayBytes(draft.name)}', 'structuredAttrs' disables the effect of the derivation attribute '${key}'; use 'outputChecks.<output>.${key}' instead`,
      );
  }
}

function finish(evaluator: Evaluator, draft: Draft): Word {
  const { storeDir } = evaluator.io;
  const inputs = readInputs(evaluator, draft.context);
  if (draft.builder === '') throw evalError`required attribute 'builder' missing`;
  if (draft.platform === '') throw evalError`required attribute 'system' missing`;
  const hasOneOutput = draft.outputs.length === 1 && draft.outputs[0] === 'out';
  if (draft.name.endsWith('.drv') && !(draft.method === 'text' && hasOneOutput)) {
    throw evalError`derivation names are allowed to end in '${'.drv'}' only if they produce a single derivation file`;
  }
  const outputs = readOutputs(evaluator, draft, hasOneOutput);
  const plain: Derivation = {
    name: draft.name,
    outputs: sorted(outputs),
    inputSources: inputs.sources,
    inputDerivations: inputs.derivations,
    platform: draft.platform,
    builder: draft.builder,
    args: draft.args,
    env: sorted(draft.env),
    ...(draft.structured === undefined ? {} : { structuredAttrs: sorted(draft.structured) }),
  };
  const isDeferred = [...outputs.values()].some(({ kind }) => kind === 'deferred');
  const derivation = isDeferred ? fillOutputPaths(plain, evaluator.derivationHasher) : plain;
  const file = makeDerivationFile(storeDir, derivation);
  evaluator.io.addDerivation(file);
  evaluator.derivations.set(file.path, derivation);
  return resultSet(evaluator, derivation, file.path);
}

function sorted<K extends string, V>(map: ReadonlyMap<K, V>): Map<K, V> {
  return new Map([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The outputs; what the builder is told about them goes to the environment. */
function readOutputs(evaluator: Evaluator, draft: Draft, hasOneOutput: boolean): Map<OutputName, DerivationOutput> {
  const { storeDir } = evaluator.io;
  const outputs = new Map<OutputName, DerivationOutput>();
  const { env } = draft;
  if (draft.outputHash !== undefined) {
    if (!hasOneOutput) throw evalError`multiple outputs are not supported in fixed-output derivations`;
    const output = fixedOutputOf(evaluator, {
      hash: draft.outputHash,
      algorithm: draft.outputHashAlgo === undefined ? undefined : text(draft.outputHashAlgo),
      method: draft.method ?? 'flat',
    });
    outputs.set(text('out'), output);
    const path = outputPath(output, text('out'), { name: draft.name, storeDir });
    if (path !== undefined) env.set(text('out'), printStorePath(storeDir, path));
  } else if (draft.contentAddressed || draft.impure) {
    if (draft.contentAddressed && draft.impure) {
      throw evalError`derivation cannot be both content-addressed and impure`;
    }
    const { method = 'nar', outputHashAlgo: algorithm = 'sha256' } = draft;
    for (const output of draft.outputs) {
      env.set(output, outputPlaceholder(output));
      outputs.set(output, { kind: draft.impure ? 'impure' : 'floating', method, algorithm });
    }
  } else {
    for (const output of draft.outputs) {
      env.set(output, text(''));
      outputs.set(output, { kind: 'deferred' });
    }
  }
  return outputs;
}

function resultSet(evaluator: Evaluator, derivation: Derivation, path: StorePath): Word {
  return evaluator.core.set(derivationOutputWords(evaluator, derivation, path));
}

/** `drvPath` and the outputs of a derivation, as strings that depend on them. */
export function derivationOutputWords(
  evaluator: Evaluator,
  derivation: Derivation,
  path: StorePath,
): (readonly [ByteString, Word])[] {
  const { core } = evaluator;
  const { storeDir } = evaluator.io;
  const drvContext = core.newContext([brandAs<ByteString>(`=${path}`)]);
  const attributes: [ByteString, Word][] = [[text('drvPath'), core.string(printStorePath(storeDir, path), drvContext)]];
  for (const [name, output] of derivation.outputs) {
    const known = outputPath(output, name, { name: derivation.name, storeDir });
    const value =
      known === undefined ? formatPlaceholder(placeholderOfOutput(path, name)) : printStorePath(storeDir, known);
    const context = core.newContext([brandAs<ByteString>(`!${name}!${path}`)]);
    attributes.push([name, core.string(value, context)]);
  }
  return attributes;
}

function placeholder(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.placeholder';
  return evaluator.core.string(outputPlaceholder(forcePlainString(evaluator, argument(evaluator, args, 0), doing)));
}

/** What the core calls for a derivation that it cannot make itself. */
export const derivationBuiltin: HostBuiltin = { name: 'derivationStrict', arity: 1, call: derivationStrict };

export const derivationBuiltins: readonly HostBuiltin[] = [{ name: 'placeholder', arity: 1, call: placeholder }];
