import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type Derivation,
  type DerivationOutput,
  type DerivedInputs,
  type JsonValue,
  type OutputName,
  type StorePath,
  fillOutputPaths,
  makeDerivationFile,
  outputPath,
  outputPlaceholder,
  parseContentAddressMethod,
  parseHash,
  parseHashAlgorithm,
  placeholderOfOutput,
  formatPlaceholder,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Attribute } from '../core.ts';
import { coerce, frameKinds } from '../core-exports.ts';
import type { Evaluator } from '../evaluator.ts';
import { toJsonValue } from './json.ts';
import { type Word, listElements } from '../word.ts';
import { argument, evalError, forceBool, forceList, forcePlainString, forceSet, forceString, within } from './arguments.ts';
import { parseContextElement } from './string-context.ts';
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
  outputHashAlgo: ByteString | undefined;
  outputHashMode: ByteString | undefined;
  contentAddressed: boolean;
  impure: boolean;
  structured: Map<ByteString, JsonValue> | undefined;
  context: number;
}

const text = byteStringFromText;
const ignoreNullsName = text('__ignoreNulls');
const structuredAttrsName = text('__structuredAttrs');

function derivationStrict(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const argumentText = 'while evaluating the argument passed to builtins.derivationStrict';
  const attrs = forceSet(evaluator, argument(evaluator, args, 0), argumentText);
  const symbols = evaluator.symbols;
  const nameAttribute = core.lookup(attrs, symbols.name);
  if (nameAttribute === undefined) {
    return within(evaluator, 'in the attrset passed as argument to builtins.derivationStrict', () => {
      throw evalError("attribute 'name' missing");
    });
  }
  const nameText = 'while evaluating the `name` attribute passed to builtins.derivationStrict';
  const name = within(
    evaluator,
    "while evaluating the derivation attribute 'name'",
    () => forcePlainString(evaluator, nameAttribute.word, nameText),
    nameAttribute.position,
  );
  core.exports.push(frameKinds.derivation, nameAttribute.position, core.exports.nameOf(core.intern(name)), 0);
  const result = makeDerivation(evaluator, attrs, name);
  core.exports.pop();
  return result;
}

function makeDerivation(evaluator: Evaluator, attrs: number, name: ByteString): Word {
  const { core } = evaluator;
  const { symbols } = evaluator;
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
    outputHashMode: undefined,
    contentAddressed: false,
    impure: false,
    structured: isStructured ? new Map() : undefined,
    context: 0,
  };
  for (const attribute of core.sortedAttributes(attrs)) {
    const key = core.nameOf(attribute.symbol);
    if (key === ignoreNullsName) continue;
    core.exports.push(frameKinds.derivationAttribute, attribute.position, attribute.symbol, core.exports.nameOf(core.intern(name)));
    if (!ignoreNulls || core.force(attribute.word).low !== nullLow) readAttribute(evaluator, draft, key, attribute);
    core.exports.pop();
  }
  return finish(evaluator, draft);
}

const nullLow = 7;

function readAttribute(evaluator: Evaluator, draft: Draft, key: ByteString, { word }: Attribute): void {
  const { core } = evaluator;
  switch (key) {
    case '__contentAddressed':
      draft.contentAddressed = forceBool(evaluator, word, '');
      return;
    case '__impure':
      draft.impure = forceBool(evaluator, word, '');
      return;
    case 'args':
      for (const element of listElements(core.memory, forceList(evaluator, word, ''))) {
        const string = within(evaluator, 'while evaluating an element of the argument list', () =>
          core.coerce(element, coerce.more | coerce.copy | coerce.canonical),
        );
        draft.args.push(string.text);
        draft.context = core.exports.uniteContexts(draft.context, string.context);
      }
      return;
    default:
      if (draft.structured === undefined) readVariable(evaluator, draft, key, word);
      else readStructured(evaluator, draft, key, word);
  }
}

function readVariable(evaluator: Evaluator, draft: Draft, key: ByteString, word: Word): void {
  const { core } = evaluator;
  const string = core.coerce(word, coerce.more | coerce.copy | coerce.canonical);
  draft.context = core.exports.uniteContexts(draft.context, string.context);
  draft.env.set(key, string.text);
  readKnown(draft, key, string.text, () => string.text.split(/[ \t\n\r]+/).filter(part => part !== '').map(part => brandAs<ByteString>(part)));
}

/** What has a meaning of its own, beside being passed on. */
function readKnown(draft: Draft, key: ByteString, value: ByteString, outputs: () => ByteString[]): void {
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
      draft.outputHashAlgo = value;
      return;
    case 'outputHashMode':
      draft.outputHashMode = value;
      return;
    case 'outputs':
      draft.outputs = checkOutputs(outputs());
      return;
    default:
  }
}

function checkOutputs(outputs: ByteString[]): ByteString[] {
  const seen = new Set<ByteString>();
  for (const output of outputs) {
    if (seen.has(output)) throw evalError(`duplicate derivation output '${displayBytes(output)}'`);
    if (output === 'drvPath') throw evalError("invalid derivation output name 'drvPath'");
    seen.add(output);
  }
  if (outputs.length === 0) throw evalError('derivation cannot have an empty set of outputs');
  return outputs;
}

function readStructured(evaluator: Evaluator, draft: Draft, key: ByteString, word: Word): void {
  if (key === structuredAttrsName) return;
  const { core } = evaluator;
  const { value, context } = toJsonValue(evaluator, word);
  draft.context = core.exports.uniteContexts(draft.context, context);
  draft.structured?.set(key, value);
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
      readKnown(draft, key, forcePlainString(evaluator, word, ''), () => []);
      return;
    default:
  }
}

function finish(evaluator: Evaluator, draft: Draft): Word {
  const { storeDir } = evaluator.io;
  const inputs = readInputs(evaluator, draft.context);
  if (draft.builder === '') throw evalError("required attribute 'builder' missing");
  if (draft.platform === '') throw evalError("required attribute 'system' missing");
  const outputs = new Map<OutputName, DerivationOutput>();
  const { env } = draft;
  const hasher = evaluator.derivationHasher;
  let fill = false;
  if (draft.outputHash !== undefined) {
    if (draft.outputs.length !== 1 || draft.outputs[0] !== 'out') {
      throw evalError('multiple outputs are not supported in fixed-output derivations');
    }
    const algorithm = draft.outputHashAlgo === undefined ? undefined : parseHashAlgorithm(draft.outputHashAlgo);
    const hash = parseHash(draft.outputHash, algorithm);
    const method = readMethod(draft) ?? 'flat';
    const output: DerivationOutput = { kind: 'fixed', address: { method, hash } };
    outputs.set(text('out'), output);
    const path = outputPath(output, text('out'), { name: draft.name, storeDir });
    if (path !== undefined) env.set(text('out'), printStorePath(storeDir, path));
  } else if (draft.contentAddressed || draft.impure) {
    if (draft.contentAddressed && draft.impure) {
      throw evalError('derivation cannot be both content-addressed and impure');
    }
    const algorithm = draft.outputHashAlgo === undefined ? 'sha256' : parseHashAlgorithm(draft.outputHashAlgo);
    const method = readMethod(draft) ?? 'nar';
    for (const output of draft.outputs) {
      env.set(output, outputPlaceholder(output));
      outputs.set(output, { kind: draft.impure ? 'impure' : 'floating', method, algorithm });
    }
  } else {
    fill = true;
    for (const output of draft.outputs) {
      env.set(output, text(''));
      outputs.set(output, { kind: 'deferred' });
    }
  }
  const sorted = <K extends string, V>(map: ReadonlyMap<K, V>) =>
    new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  const plain: Derivation = {
    name: draft.name,
    outputs: sorted(outputs),
    inputSources: inputs.sources,
    inputDerivations: inputs.derivations,
    platform: draft.platform,
    builder: draft.builder,
    args: draft.args,
    env: sorted(env),
    ...(draft.structured === undefined ? {} : { structuredAttrs: sorted(draft.structured) }),
  };
  const derivation = fill ? fillOutputPaths(plain, hasher) : plain;
  const file = makeDerivationFile(storeDir, derivation);
  evaluator.io.addDerivation(file);
  evaluator.derivations.set(file.path, derivation);
  return resultSet(evaluator, derivation, file.path);
}

function readMethod(draft: Draft) {
  if (draft.outputHashMode === undefined) return undefined;
  if (draft.outputHashMode === 'recursive') return 'nar';
  try {
    return parseContentAddressMethod(draft.outputHashMode);
  } catch {
    throw evalError(`invalid value '${displayBytes(draft.outputHashMode)}' for 'outputHashMode' attribute`);
  }
}

interface Inputs {
  readonly sources: StorePath[];
  readonly derivations: Map<StorePath, DerivedInputs>;
}

function readInputs(evaluator: Evaluator, context: number): Inputs {
  const sources = new Set<StorePath>();
  const derivations = new Map<StorePath, Set<OutputName>>();
  const need = (path: StorePath, outputs: Iterable<OutputName>) => {
    const known = derivations.get(path) ?? new Set();
    for (const output of outputs) known.add(output);
    derivations.set(path, known);
  };
  for (const element of evaluator.core.context(context)) {
    const parsed = parseContextElement(element);
    if (parsed.kind === 'opaque') sources.add(parsed.path);
    else if (parsed.kind === 'built') need(parsed.path, [parsed.output]);
    else {
      for (const path of evaluator.closureOf(parsed.path)) {
        sources.add(path);
        const derivation = path.endsWith('.drv') ? evaluator.findDerivation(path) : undefined;
        if (derivation !== undefined) need(path, derivation.outputs.keys());
      }
    }
  }
  const byName = <T extends string>(a: T, b: T) => (a < b ? -1 : 1);
  return {
    sources: [...sources].sort(byName),
    derivations: new Map(
      [...derivations]
        .sort(([a], [b]) => byName(a, b))
        .map(([path, outputs]) => [path, { outputs: [...outputs].sort(byName), dynamic: noDynamic }]),
    ),
  };
}

const noDynamic: ReadonlyMap<OutputName, DerivedInputs> = new Map();

function resultSet(evaluator: Evaluator, derivation: Derivation, path: StorePath): Word {
  const { core } = evaluator;
  const { storeDir } = evaluator.io;
  const drvContext = core.newContext([brandAs<ByteString>(`=${path}`)]);
  const attributes: [ByteString, Word][] = [[text('drvPath'), core.string(printStorePath(storeDir, path), drvContext)]];
  for (const [name, output] of derivation.outputs) {
    const known = outputPath(output, name, { name: derivation.name, storeDir });
    const value = known === undefined ? formatPlaceholder(placeholderOfOutput(path, name)) : printStorePath(storeDir, known);
    const context = core.newContext([brandAs<ByteString>(`!${name}!${path}`)]);
    attributes.push([name, core.string(value, context)]);
  }
  return core.set(attributes);
}

function placeholder(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.placeholder';
  return evaluator.core.string(outputPlaceholder(forcePlainString(evaluator, argument(evaluator, args, 0), doing)));
}

export const derivationBuiltins: readonly HostBuiltin[] = [
  { name: 'derivationStrict', arity: 1, call: derivationStrict },
  { name: 'placeholder', arity: 1, call: placeholder },
];

