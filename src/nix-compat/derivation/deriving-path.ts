import { type ByteString, brandAs } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { expectString } from '../json/expect-json.ts';
import { JsonCursor } from '../json/json-cursor.ts';
import { type JsonValue, jsonObject } from '../json/json-value.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import { type StorePath, parseStorePath } from '../store-path/store-path.ts';
import type { OutputName } from './derivation.ts';
import {
  type OutputsSpec,
  formatOutputsSpec,
  namedOutputs,
  outputsSpecFromJson,
  outputsSpecToJson,
  parseOutputsSpec,
} from './outputs-spec.ts';

/** A store object that is there, or that building a derivation gives. */
export type DerivingPath = OpaquePath | BuiltPaths;

/** A deriving path that stands for one store object. */
export type SingleDerivingPath = OpaquePath | BuiltPath;

export interface OpaquePath {
  readonly kind: 'opaque';
  readonly path: StorePath;
}

/** One output of the derivation that `derivation` stands for, which may itself be the output of another. */
export interface BuiltPath {
  readonly kind: 'built';
  readonly derivation: SingleDerivingPath;
  readonly output: OutputName;
}

/** Some outputs of a derivation. */
export interface BuiltPaths {
  readonly kind: 'built';
  readonly derivation: SingleDerivingPath;
  readonly outputs: OutputsSpec;
}

/** Outputs of outputs that a text may name one after the other. */
export const maxOutputChain = 1_000_000;

/** `^` is today's; `!` is that of older commands and of the worker protocol. */
export type OutputSeparator = '^' | '!';

export function opaquePath(path: StorePath): OpaquePath {
  return { kind: 'opaque', path };
}

export function builtPath(derivation: SingleDerivingPath, output: OutputName): BuiltPath {
  return { kind: 'built', derivation, output };
}

/** The deriving path that means just what `single` means. */
export function derivingPathOf(single: SingleDerivingPath): DerivingPath {
  if (single.kind === 'opaque') return single;
  return { kind: 'built', derivation: single.derivation, outputs: namedOutputs([single.output]) };
}

/**
 * The two ends of a chain of outputs: the store path that it starts from and the outputs taken one after the other.
 * Chains are as long as whoever wrote them likes, so what follows them loops and does not recurse.
 */
export function unrollDerivingPath(path: SingleDerivingPath): {
  readonly base: StorePath;
  readonly outputs: readonly OutputName[];
} {
  const outputs: OutputName[] = [];
  let at = path;
  for (; at.kind === 'built'; at = at.derivation) outputs.push(at.output);
  return { base: at.path, outputs: outputs.toReversed() };
}

/** The store path that has to be there before anything can be built. */
export function baseStorePath(path: DerivingPath): StorePath {
  return path.kind === 'opaque' ? path.path : unrollDerivingPath(path.derivation).base;
}

/**
 * Parses `path`, `path^out` or `path^out^out`. An output's name is not checked: what no derivation has is found out
 * when it is looked for. Throws `deriving-path/too-deep` or as `parseStorePathIn`.
 */
export function parseSingleDerivingPath(
  storeDir: StoreDir,
  text: ByteString,
  separator: OutputSeparator = '^',
): SingleDerivingPath {
  // One more than allowed, so that it shows; the base comes besides.
  const [base = '', ...outputs] = text.split(separator, maxOutputChain + 2);
  if (outputs.length > maxOutputChain) {
    const message = `the deriving path '${excerpt(text)}' has more than ${maxOutputChain} outputs of outputs`;
    throw new NixCompatError('deriving-path/too-deep', message);
  }
  let path: SingleDerivingPath = opaquePath(parseStorePathIn(storeDir, base));
  for (const output of outputs) path = builtPath(path, brandAs<ByteString>(output));
  return path;
}

/** Parses `path`, `path^*`, `path^out,dev` or `path^out^*`. Throws `deriving-path/bad-output` or as `parseSingleDerivingPath`. */
export function parseDerivingPath(
  storeDir: StoreDir,
  text: ByteString,
  separator: OutputSeparator = '^',
): DerivingPath {
  const last = text.lastIndexOf(separator);
  if (last < 0) return opaquePath(parseStorePathIn(storeDir, text));
  return {
    kind: 'built',
    derivation: parseSingleDerivingPath(storeDir, brandAs<ByteString>(text.slice(0, last)), separator),
    outputs: parseOutputsSpec(brandAs<ByteString>(text.slice(last + 1))),
  };
}

/**
 * The inverse of `parseSingleDerivingPath`. (C++ Nix mixes both separators where an output of an output is printed
 * with `!`, and cannot read that back; we do not follow.)
 */
export function formatSingleDerivingPath(
  storeDir: StoreDir,
  path: SingleDerivingPath,
  separator: OutputSeparator = '^',
): ByteString {
  const { base, outputs } = unrollDerivingPath(path);
  return brandAs<ByteString>([printStorePath(storeDir, base), ...outputs].join(separator));
}

/** The inverse of `parseDerivingPath`. */
export function formatDerivingPath(
  storeDir: StoreDir,
  path: DerivingPath,
  separator: OutputSeparator = '^',
): ByteString {
  if (path.kind === 'opaque') return printStorePath(storeDir, path.path);
  const derivation = formatSingleDerivingPath(storeDir, path.derivation, separator);
  return brandAs<ByteString>(derivation + separator + formatOutputsSpec(path.outputs));
}

/** A base name, or an object with `drvPath` and `output`. */
export function singleDerivingPathToJson(path: SingleDerivingPath): JsonValue {
  const { base, outputs } = unrollDerivingPath(path);
  let json: JsonValue = brandAs<ByteString>(base);
  for (const output of outputs) json = jsonObject({ drvPath: json, output });
  return json;
}

/** A base name, or an object with `drvPath` and `outputs`. */
export function derivingPathToJson(path: DerivingPath): JsonValue {
  if (path.kind === 'opaque') return brandAs<ByteString>(path.path);
  return jsonObject({
    drvPath: singleDerivingPathToJson(path.derivation),
    outputs: outputsSpecToJson(path.outputs),
  });
}

/** Throws `json/wrong-type`, `json/missing-key` or as `parseStorePath`. */
export function singleDerivingPathFromJson(json: JsonValue): SingleDerivingPath {
  return readSingle(new JsonCursor(json));
}

/** Throws `json/wrong-type`, `json/missing-key` or as `parseStorePath`. */
export function derivingPathFromJson(json: JsonValue): DerivingPath {
  const top = new JsonCursor(json);
  if (typeof json === 'string') return readOpaque(top);
  return {
    kind: 'built',
    derivation: readSingle(top.member('drvPath')),
    outputs: top.member('outputs').read(outputsSpecFromJson),
  };
}

function readSingle(json: JsonCursor): SingleDerivingPath {
  const outputs: OutputName[] = [];
  let at = json;
  for (; typeof at.value !== 'string'; at = at.member('drvPath')) outputs.push(at.member('output').string());
  let path: SingleDerivingPath = readOpaque(at);
  for (const output of outputs.toReversed()) path = builtPath(path, output);
  return path;
}

function readOpaque(json: JsonCursor): OpaquePath {
  return opaquePath(json.read(value => parseStorePath(expectString(value))));
}
