import { type ByteString, brandAs } from '../../base/index.ts';
import { mapInByteOrder, setInByteOrder } from '../byte-order.ts';
import { formatJson } from '../json/format-json.ts';
import { makeOutputPath } from '../store-path/make-store-path.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import { DerivationHasher, hashOfOutput } from './derivation-hasher.ts';
import { derivationTypeOf, hasDynamicInputs } from './derivation-type.ts';
import type { BasicDerivation, Derivation, DerivationOutput, DerivedInputs, OutputName } from './derivation.ts';
import { type SingleDerivingPath, builtPath, opaquePath } from './deriving-path.ts';
import {
  type DownstreamPlaceholder,
  formatPlaceholder,
  placeholderOfOutput,
  placeholderOfUnknown,
} from './placeholder.ts';
import { parseStructuredAttrs } from './structured-attrs.ts';

/**
 * Whether a derivation has to be resolved before it is built: some input's path is not in it yet. A fixed one may be,
 * which spares builds when content-addressed inputs come out the same; `resolveFixed` (C++ Nix: whether
 * `ca-derivations` is enabled) decides. Throws `derivation/mixed-outputs`.
 */
export function needsResolving(derivation: Derivation, options: { readonly resolveFixed: boolean }): boolean {
  if (derivation.inputDerivations.size === 0) return false;
  const type = derivationTypeOf(derivation);
  if (type === 'fixed') return options.resolveFixed || hasDynamicInputs(derivation.inputDerivations);
  return type !== 'input-addressed' || hasDynamicInputs(derivation.inputDerivations);
}

/** Which store path an output turned out to be; undefined when that is not known. */
export type OutputLookup = (derivation: SingleDerivingPath, output: OutputName) => StorePath | undefined;

/**
 * The derivation with its input derivations replaced by the store paths of those of their outputs that it uses, in the
 * sources and, for placeholders, in builder, arguments and environment. Deferred outputs get their paths. Undefined
 * when `lookup` does not know an output. Throws as `formatDerivation`.
 */
export function resolveDerivation(
  storeDir: StoreDir,
  derivation: Derivation,
  lookup: OutputLookup,
): BasicDerivation | undefined {
  const found: StorePath[] = [];
  const rewrites = new Map<string, string>();
  const collect = (input: DerivedInputs, at: SingleDerivingPath, placeholder: PlaceholderOf): boolean => {
    for (const output of input.outputs) {
      const path = lookup(at, output);
      if (path === undefined) return false;
      found.push(path);
      rewrites.set(formatPlaceholder(placeholder(output)), printStorePath(storeDir, path));
    }
    for (const [output, child] of input.dynamic) {
      const of = placeholder(output);
      if (!collect(child, builtPath(at, output), next => placeholderOfUnknown(of, next))) return false;
    }
    return true;
  };
  for (const [path, input] of derivation.inputDerivations) {
    if (!collect(input, opaquePath(path), output => placeholderOfOutput(path, output))) return undefined;
  }
  const { inputDerivations: _resolved, ...basic } = derivation;
  const inputSources = setInByteOrder([...derivation.inputSources, ...found]);
  return settleDeferredOutputs(storeDir, rewriteDerivation({ ...basic, inputSources }, rewrites));
}

type PlaceholderOf = (output: OutputName) => DownstreamPlaceholder;

const placeholderPattern = /\/[0-9a-df-np-sv-z]{52}/g;

/** Replaces placeholders wherever a builder could meet them: program, arguments, environment, structured attributes. */
function rewriteDerivation(derivation: BasicDerivation, rewrites: ReadonlyMap<string, string>): BasicDerivation {
  if (rewrites.size === 0) return derivation;
  const rewrite = (text: ByteString) =>
    brandAs<ByteString>(text.replace(placeholderPattern, found => rewrites.get(found) ?? found));
  const env = new Map<ByteString, ByteString>();
  for (const [name, value] of derivation.env) {
    const rewritten = rewrite(name);
    if (!env.has(rewritten)) env.set(rewritten, rewrite(value));
  }
  const { structuredAttrs } = derivation;
  return {
    ...derivation,
    builder: rewrite(derivation.builder),
    args: derivation.args.map(rewrite),
    env: mapInByteOrder(env),
    ...(structuredAttrs === undefined
      ? {}
      : { structuredAttrs: parseStructuredAttrs(rewrite(formatJson(structuredAttrs))) }),
  };
}

function settleDeferredOutputs(storeDir: StoreDir, derivation: BasicDerivation): BasicDerivation {
  if (![...derivation.outputs.values()].some(output => output.kind === 'deferred')) return derivation;
  const { name } = derivation;
  const hasher = new DerivationHasher(storeDir, () => undefined);
  const modulo = hasher.hash({ ...derivation, inputDerivations: new Map() }, { maskOutputs: true });
  const outputs = new Map<OutputName, DerivationOutput>(derivation.outputs);
  const env = new Map(derivation.env);
  for (const [outputName, output] of derivation.outputs) {
    if (output.kind !== 'deferred') continue;
    const path = makeOutputPath(storeDir, outputName, hashOfOutput(modulo, outputName, name), name);
    env.set(outputName, printStorePath(storeDir, path));
    outputs.set(outputName, { kind: 'input-addressed', path });
  }
  return { ...derivation, outputs, env: mapInByteOrder(env) };
}
