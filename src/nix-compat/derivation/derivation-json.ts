import { type ByteString, brandAs } from '../../base/index.ts';
import { mapInByteOrder, setInByteOrder } from '../byte-order.ts';
import { expectObject, expectString } from '../json/expect-json.ts';
import { JsonCursor } from '../json/json-cursor.ts';
import { type JsonObject, type JsonValue, jsonObject } from '../json/json-value.ts';
import { type StorePath, parseStorePath } from '../store-path/store-path.ts';
import { type Derivation, type DerivationOutput, type DerivedInputs, type OutputName } from './derivation.ts';
import { outputFromJson, outputToJson } from './output-json.ts';
import { maxDynamicDepth, noDynamicInputs } from './parse-derivation.ts';

/** Of the format that is read and written here. */
export const derivationJsonVersion = 4;

/** What `nix derivation show` prints of several derivations. */
export function derivationsToJson(derivations: ReadonlyMap<StorePath, Derivation>): JsonObject {
  const shown = new Map<ByteString, JsonValue>();
  for (const [path, derivation] of derivations) shown.set(brandAs<ByteString>(path), derivationToJson(derivation));
  return jsonObject({ version: BigInt(derivationJsonVersion), derivations: shown });
}

/** What `nix derivation add` reads. Bytes that are not UTF-8 are refused only where the value is written as text. */
export function derivationToJson(derivation: Derivation): JsonObject {
  return jsonObject({
    name: derivation.name,
    version: BigInt(derivationJsonVersion),
    outputs: mapValues(derivation.outputs, outputToJson),
    inputs: jsonObject({
      srcs: setInByteOrder(derivation.inputSources).map(path => brandAs<ByteString>(path)),
      drvs: mapValues(derivation.inputDerivations, inputToJson),
    }),
    system: derivation.platform,
    builder: derivation.builder,
    args: derivation.args,
    env: derivation.env,
    structuredAttrs: derivation.structuredAttrs,
  });
}

function inputToJson(input: DerivedInputs): JsonObject {
  return jsonObject({
    outputs: setInByteOrder(input.outputs),
    dynamicOutputs: mapValues(input.dynamic, inputToJson),
  });
}

/** A JSON object, whatever kind of byte string the keys are. */
function mapValues<V>(map: ReadonlyMap<string, V>, toJson: (value: V) => JsonValue): JsonObject {
  const object = new Map<ByteString, JsonValue>();
  for (const [key, value] of map) object.set(brandAs<ByteString>(key), toJson(value));
  return object;
}

/**
 * Reads what `derivationToJson` writes; keys that are not known are passed over, as C++ Nix does. Output paths are
 * taken as they stand: `fillOutputPaths` completes and checks them. Throws `json/wrong-type`, `json/missing-key`,
 * `json/bad-version`, `derivation/bad-output`, `derivation/too-deep`, or what paths and hashes throw.
 */
export function derivationFromJson(json: JsonValue): Derivation {
  const top = new JsonCursor(json);
  const name = top.member('name').string();
  const version = top.member('version');
  if (version.value !== BigInt(derivationJsonVersion)) {
    const message = `Unsupported derivation JSON format version ${version.count()}, only format version ${derivationJsonVersion} is currently supported.`;
    throw version.refuse('json/bad-version', message);
  }
  const outputs = new Map<OutputName, DerivationOutput>();
  for (const [outputName, output] of top.member('outputs').members()) outputs.set(outputName, outputFromJson(output));
  const inputs = top.member('inputs');
  const inputSources = inputs.member('srcs').elements().map(readStorePath);
  const inputDerivations = new Map<StorePath, DerivedInputs>();
  for (const [path, input] of inputs.member('drvs').members()) {
    inputDerivations.set(
      input.read(() => parseStorePath(path)),
      inputFromJson(input, 0),
    );
  }
  const env = new Map<ByteString, ByteString>();
  for (const [variable, value] of top.member('env').members()) env.set(variable, value.string());
  const derivation = {
    name,
    outputs: mapInByteOrder(outputs),
    inputSources: setInByteOrder(inputSources),
    inputDerivations: mapInByteOrder(inputDerivations),
    platform: top.member('system').string(),
    builder: top.member('builder').string(),
    args: top.member('args').strings(),
    env: mapInByteOrder(env),
  };
  const structuredAttrs = top.optionalMember('structuredAttrs')?.read(expectObject);
  return structuredAttrs === undefined ? derivation : { ...derivation, structuredAttrs };
}

function inputFromJson(json: JsonCursor, depth: number): DerivedInputs {
  const outputs = setInByteOrder(json.member('outputs').strings());
  const members = json.member('dynamicOutputs').members();
  if (members.length === 0) return { outputs, dynamic: noDynamicInputs };
  if (depth >= maxDynamicDepth) {
    const message = `derivations made by derivations are nested more than ${maxDynamicDepth} deep`;
    throw json.refuse('derivation/too-deep', message);
  }
  const dynamic = new Map<OutputName, DerivedInputs>();
  for (const [name, input] of members) dynamic.set(name, inputFromJson(input, depth + 1));
  return { outputs, dynamic: mapInByteOrder(dynamic) };
}

function readStorePath(json: JsonCursor): StorePath {
  return json.read(value => parseStorePath(expectString(value)));
}
