import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { JsonCursor } from '../json/json-cursor.ts';
import { isJsonArray, isJsonObject, jsonTypeOf } from '../json/json-value.ts';
import { type StoreDir, parseStorePathIn, splitStorePath } from '../store-path/store-dir.ts';
import type { CheckedReference, DerivationOptions, OutputChecks, OutputChecksOf } from './derivation-options.ts';
import type { Derivation, DerivedInputs, OutputName } from './derivation.ts';
import { type SingleDerivingPath, builtPath, opaquePath } from './deriving-path.ts';
import { formatPlaceholder, placeholderOf } from './placeholder.ts';

/**
 * Reads the options from the environment, or from the structured attributes where a derivation has them. Calls `warn`
 * for attributes that have no effect there. Throws `derivation/bad-option`, `json/wrong-type`, or as `splitStorePath`.
 */
export function parseDerivationOptions(
  storeDir: StoreDir,
  derivation: Derivation,
  warn: (message: string) => void = () => {},
): DerivationOptions {
  const { structuredAttrs } = derivation;
  const attributes =
    structuredAttrs === undefined ? new PlainAttributes(derivation) : new StructuredAttributes(structuredAttrs);
  const inputs = new InputParser(derivation, storeDir);
  if (attributes.kind === 'structured') warnOfIgnored(attributes, derivation, warn);
  return {
    outputChecks: attributes.kind === 'plain' ? plainChecks(attributes, inputs) : perOutputChecks(attributes, inputs),
    unsafeDiscardReferences: attributes.kind === 'plain' ? new Map() : discardedReferences(attributes),
    passAsFile: (attributes.kind === 'plain' ? attributes.words('passAsFile') : undefined) ?? new Set(),
    exportReferencesGraph:
      attributes.kind === 'plain' ? plainGraphs(attributes, inputs) : structuredGraphs(attributes, inputs, warn),
    additionalSandboxProfile: attributes.string('__sandboxProfile') ?? brandAs<ByteString>(''),
    noChroot: attributes.boolean('__noChroot') ?? false,
    impureHostDeps: attributes.words('__impureHostDeps') ?? new Set(),
    impureEnvVars: attributes.words('impureEnvVars') ?? new Set(),
    allowLocalNetworking: attributes.boolean('__darwinAllowLocalNetworking') ?? false,
    requiredSystemFeatures: attributes.words('requiredSystemFeatures') ?? new Set(),
    preferLocalBuild: attributes.boolean('preferLocalBuild') ?? false,
    allowSubstitutes: attributes.boolean('allowSubstitutes') ?? true,
  };
}

/** Attributes as environment variables: everything is text. Undefined is for what is not there. */
class PlainAttributes {
  readonly kind = 'plain';
  readonly #env: ReadonlyMap<ByteString, ByteString>;

  constructor(derivation: Derivation) {
    this.#env = derivation.env;
  }

  string(name: string): ByteString | undefined {
    return this.#env.get(brandAs<ByteString>(name));
  }

  boolean(name: string): boolean | undefined {
    const value = this.string(name);
    return value === undefined ? undefined : value === '1';
  }

  words(name: string): ReadonlySet<ByteString> | undefined {
    const value = this.string(name);
    return value === undefined ? undefined : new Set(setInByteOrder(wordsOf(value)));
  }
}

class StructuredAttributes {
  readonly kind = 'structured';
  readonly #json: JsonCursor;

  constructor(attributes: NonNullable<Derivation['structuredAttrs']>) {
    this.#json = new JsonCursor(attributes);
  }

  json(name: string): JsonCursor | undefined {
    return this.#json.optionalMember(name);
  }

  string(name: string): ByteString | undefined {
    return this.json(name)?.string();
  }

  boolean(name: string): boolean | undefined {
    return this.json(name)?.boolean();
  }

  words(name: string): ReadonlySet<ByteString> | undefined {
    const words = this.json(name)?.strings();
    return words === undefined ? undefined : new Set(setInByteOrder(words));
  }
}

function wordsOf(text: ByteString): ByteString[] {
  return text
    .split(/[ \t\n\r]+/)
    .filter(word => word !== '')
    .map(word => brandAs<ByteString>(word));
}

/** Reads what stands for an input: a path in the store, or a placeholder for one that is not known yet. */
class InputParser {
  readonly #storeDir: StoreDir;
  readonly #derivation: Derivation;
  #placeholders: ReadonlyMap<ByteString, SingleDerivingPath> | undefined;

  constructor(derivation: Derivation, storeDir: StoreDir) {
    this.#storeDir = storeDir;
    this.#derivation = derivation;
  }

  /** Each is a hash, and few derivations have options that name inputs. */
  #byPlaceholder(text: ByteString): SingleDerivingPath | undefined {
    this.#placeholders ??= placeholdersOf(this.#derivation);
    return this.#placeholders.get(text);
  }

  parse(text: ByteString): SingleDerivingPath {
    return this.#byPlaceholder(text) ?? opaquePath(splitStorePath(this.#storeDir, text).storePath);
  }

  parseReference(text: ByteString): CheckedReference<SingleDerivingPath> {
    const built = this.#byPlaceholder(text);
    if (built !== undefined) return { kind: 'input', input: built };
    try {
      return { kind: 'input', input: opaquePath(parseStorePathIn(this.#storeDir, text)) };
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      return { kind: 'own-output', output: text };
    }
  }

  parseReferences(texts: Iterable<ByteString>): CheckedReference<SingleDerivingPath>[] {
    return setInByteOrder([...texts]).map(text => this.parseReference(text));
  }
}

function placeholdersOf({ inputDerivations }: Derivation): Map<ByteString, SingleDerivingPath> {
  const placeholders = new Map<ByteString, SingleDerivingPath>();
  const add = (derivation: SingleDerivingPath, { outputs, dynamic }: DerivedInputs): void => {
    for (const output of outputs) {
      const built = builtPath(derivation, output);
      placeholders.set(formatPlaceholder(placeholderOf(built)), built);
    }
    for (const [output, child] of dynamic) add(builtPath(derivation, output), child);
  };
  for (const [path, input] of inputDerivations) add(opaquePath(path), input);
  return placeholders;
}

function plainChecks(attributes: PlainAttributes, inputs: InputParser): OutputChecksOf<SingleDerivingPath> {
  const references = (name: string) => {
    const words = attributes.words(name);
    return words === undefined ? undefined : inputs.parseReferences(words);
  };
  return {
    kind: 'for-all-outputs',
    checks: {
      ignoreSelfReferences: true,
      allowedReferences: references('allowedReferences'),
      disallowedReferences: references('disallowedReferences') ?? [],
      allowedRequisites: references('allowedRequisites'),
      disallowedRequisites: references('disallowedRequisites') ?? [],
    },
  };
}

function perOutputChecks(attributes: StructuredAttributes, inputs: InputParser): OutputChecksOf<SingleDerivingPath> {
  const checks = new Map<OutputName, OutputChecks<SingleDerivingPath>>();
  for (const [output, json] of attributes.json('outputChecks')?.members() ?? []) {
    const references = (name: string) => {
      const member = json.optionalMember(name);
      return member === undefined ? undefined : inputs.parseReferences(member.strings());
    };
    checks.set(output, {
      ignoreSelfReferences: false,
      maxSize: sizeOf(json.optionalMember('maxSize')),
      maxClosureSize: sizeOf(json.optionalMember('maxClosureSize')),
      allowedReferences: references('allowedReferences'),
      disallowedReferences: references('disallowedReferences') ?? [],
      allowedRequisites: references('allowedRequisites'),
      disallowedRequisites: references('disallowedRequisites') ?? [],
    });
  }
  return { kind: 'per-output', checks };
}

/** A number of bytes, which Nix expressions may have computed as a floating-point number. */
function sizeOf(json: JsonCursor | undefined): number | undefined {
  if (json === undefined) return undefined;
  if (typeof json.value !== 'number') return json.count();
  if (json.value >= 0) return Math.floor(json.value);
  throw json.refuse('derivation/bad-option', `a size cannot be ${json.value}`);
}

function discardedReferences(attributes: StructuredAttributes): Map<OutputName, boolean> {
  const discarded = new Map<OutputName, boolean>();
  for (const [output, json] of attributes.json('unsafeDiscardReferences')?.members() ?? []) {
    discarded.set(output, json.boolean());
  }
  return discarded;
}

const graphFileName = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

function plainGraphs(attributes: PlainAttributes, inputs: InputParser): Map<ByteString, SingleDerivingPath[]> {
  const graphs = new Map<ByteString, SingleDerivingPath[]>();
  const value = attributes.string('exportReferencesGraph') ?? brandAs<ByteString>('');
  const words = wordsOf(value);
  if (words.length % 2 !== 0) {
    const message = `odd number of tokens in 'exportReferencesGraph': '${excerpt(displayBytes(value))}'`;
    throw new NixCompatError('derivation/bad-option', message);
  }
  for (let i = 0; i < words.length; i += 2) {
    const [fileName, path] = words.slice(i, i + 2);
    if (fileName === undefined || path === undefined) break;
    if (!graphFileName.test(fileName)) {
      const message = `invalid file name '${excerpt(displayBytes(fileName))}' in 'exportReferencesGraph'`;
      throw new NixCompatError('derivation/bad-option', message);
    }
    graphs.set(fileName, [inputs.parse(path)]);
  }
  return graphs;
}

function structuredGraphs(
  attributes: StructuredAttributes,
  inputs: InputParser,
  warn: (message: string) => void,
): Map<ByteString, SingleDerivingPath[]> {
  const graphs = new Map<ByteString, SingleDerivingPath[]>();
  const json = attributes.json('exportReferencesGraph');
  if (json === undefined) return graphs;
  if (!isJsonObject(json.value)) {
    warn("'exportReferencesGraph' in structured attrs is not a JSON object, ignoring");
    return graphs;
  }
  for (const [name, paths] of json.members()) {
    graphs.set(
      name,
      setInByteOrder(stringsWithin(paths)).map(path => inputs.parse(path)),
    );
  }
  return graphs;
}

/** The strings of nested arrays. */
function stringsWithin(json: JsonCursor): ByteString[] {
  const strings: ByteString[] = [];
  const left = [json];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (isJsonArray(next.value)) for (const element of next.elements()) left.push(element);
    else if (typeof next.value === 'string') strings.push(next.value);
    else {
      const message = `'exportReferencesGraph' value is not an array or a string but ${jsonTypeOf(next.value)}`;
      throw next.refuse('derivation/bad-option', message);
    }
  }
  return strings;
}

const replacedByOutputChecks = [
  'allowedReferences',
  'allowedRequisites',
  'disallowedRequisites',
  'disallowedReferences',
  'maxSize',
  'maxClosureSize',
];

function warnOfIgnored(
  attributes: StructuredAttributes,
  derivation: Derivation,
  warn: (message: string) => void,
): void {
  for (const name of replacedByOutputChecks) {
    if (attributes.json(name) === undefined) continue;
    warn(`'structuredAttrs' disables the effect of the top-level attribute '${name}'; use 'outputChecks' instead`);
  }
  if (derivation.env.has(brandAs<ByteString>('passAsFile'))) {
    warn(
      "'structuredAttrs' disables the effect of the top-level attribute 'passAsFile'; because all JSON is always passed via file",
    );
  }
}
