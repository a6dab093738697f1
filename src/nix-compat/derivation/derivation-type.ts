import { NixCompatError } from '../error.ts';
import type { HashAlgorithm } from '../hash/algorithm.ts';
import type { BasicDerivation, DerivationOutput, DerivedInputs, Derivation } from './derivation.ts';

/** What kind of outputs a derivation has; all are of one kind. */
export type DerivationType = DerivationOutput['kind'];

/** Throws `derivation/mixed-outputs`. */
export function derivationTypeOf(derivation: BasicDerivation): DerivationType {
  let type: DerivationType | undefined;
  let algorithm: HashAlgorithm | undefined;
  for (const [name, output] of derivation.outputs) {
    if (type !== undefined && type !== output.kind) throw refuse(derivation, `can't mix derivation output types`);
    if (output.kind === 'fixed') {
      if (type !== undefined) throw refuse(derivation, 'only one fixed output is allowed for now');
      if (name !== 'out') throw refuse(derivation, 'single fixed output must be named "out"');
    }
    if (output.kind === 'floating') {
      if (algorithm !== undefined && algorithm !== output.algorithm) {
        throw refuse(derivation, 'all floating outputs must use the same hash algorithm');
      }
      algorithm = output.algorithm;
    }
    type = output.kind;
  }
  if (type === undefined) throw refuse(derivation, 'must have at least one output');
  return type;
}

function refuse(derivation: BasicDerivation, complaint: string): NixCompatError {
  return new NixCompatError('derivation/mixed-outputs', `derivation '${derivation.name}': ${complaint}`);
}

/** Whether the outputs' paths follow from their content. */
export function hasContentAddressedOutputs(type: DerivationType): boolean {
  return type === 'fixed' || type === 'floating' || type === 'impure';
}

/** Whether the outputs' paths are known without a build. */
export function hasKnownOutputPaths(type: DerivationType): boolean {
  return type === 'input-addressed' || type === 'fixed';
}

/** Whether the builder is kept from the network and the like; fixed and impure ones are not. */
export function isSandboxed(type: DerivationType): boolean {
  return type !== 'fixed' && type !== 'impure';
}

/** Whether the builder is part of Nix and not a program. */
export function isBuiltinBuilder(derivation: BasicDerivation): boolean {
  return derivation.builder.startsWith('builtin:');
}

/** Experimental features of Nix that a derivation may need. */
export type DerivationFeature =
  | 'ca-derivations'
  | 'impure-derivations'
  | 'dynamic-derivations'
  | 'git-hashing'
  | 'blake3-hashes';

/** The experimental features without which C++ Nix would refuse the derivation. */
export function featuresOf(derivation: Derivation): ReadonlySet<DerivationFeature> {
  const features = new Set<DerivationFeature>();
  for (const output of derivation.outputs.values()) {
    if (output.kind === 'input-addressed' || output.kind === 'deferred') continue;
    const { method, algorithm } =
      output.kind === 'fixed' ? { ...output.address, algorithm: output.address.hash.algorithm } : output;
    if (method === 'text') features.add('dynamic-derivations');
    if (method === 'git') features.add('git-hashing');
    if (algorithm === 'blake3') features.add('blake3-hashes');
    if (output.kind === 'floating') features.add('ca-derivations');
    if (output.kind === 'impure') features.add('impure-derivations');
  }
  if (hasDynamicInputs(derivation.inputDerivations)) features.add('dynamic-derivations');
  return features;
}

/** Whether an output of an output is among the inputs. */
export function hasDynamicInputs(inputs: ReadonlyMap<string, DerivedInputs>): boolean {
  for (const input of inputs.values()) if (input.dynamic.size > 0) return true;
  return false;
}
