import { type ByteString, brandAs } from '../../base/index.ts';
import type { StorePath } from '../store-path/store-path.ts';
import { derivationTypeOf, hasKnownOutputPaths } from './derivation-type.ts';
import type { BasicDerivation, OutputName } from './derivation.ts';
import type { SingleDerivingPath } from './deriving-path.ts';
import type { OutputLookup } from './resolve-derivation.ts';

/** A store object that an output may or may not refer to: another output of the same derivation, or an input. */
export type CheckedReference<Input> =
  | { readonly kind: 'own-output'; readonly output: OutputName }
  | { readonly kind: 'input'; readonly input: Input };

/** What an output must fulfil once it is built. Undefined is no condition. */
export interface OutputChecks<Input> {
  readonly ignoreSelfReferences: boolean;
  /** In bytes of NAR, of the output. */
  readonly maxSize?: number | undefined;
  /** In bytes of NAR, of the output and everything it refers to. */
  readonly maxClosureSize?: number | undefined;
  readonly allowedReferences?: readonly CheckedReference<Input>[] | undefined;
  readonly disallowedReferences: readonly CheckedReference<Input>[];
  readonly allowedRequisites?: readonly CheckedReference<Input>[] | undefined;
  readonly disallowedRequisites: readonly CheckedReference<Input>[];
}

export type OutputChecksOf<Input> =
  | { readonly kind: 'for-all-outputs'; readonly checks: OutputChecks<Input> }
  | { readonly kind: 'per-output'; readonly checks: ReadonlyMap<OutputName, OutputChecks<Input>> };

/** What a derivation's attributes ask of whoever builds it. Each is named after its attribute in Nix's manual. */
export interface DerivationOptions<Input = SingleDerivingPath> {
  readonly outputChecks: OutputChecksOf<Input>;
  /** Outputs that are not searched for references. */
  readonly unsafeDiscardReferences: ReadonlyMap<OutputName, boolean>;
  /** Variables that the builder gets as files. Empty with structured attributes. */
  readonly passAsFile: ReadonlySet<ByteString>;
  /** By file name, or by attribute name with structured attributes: of what the builder gets the closure described. */
  readonly exportReferencesGraph: ReadonlyMap<ByteString, readonly Input[]>;
  readonly additionalSandboxProfile: ByteString;
  readonly noChroot: boolean;
  readonly impureHostDeps: ReadonlySet<ByteString>;
  readonly impureEnvVars: ReadonlySet<ByteString>;
  readonly allowLocalNetworking: boolean;
  readonly requiredSystemFeatures: ReadonlySet<ByteString>;
  readonly preferLocalBuild: boolean;
  readonly allowSubstitutes: boolean;
}

/** The features that a machine needs to build `derivation`. Throws `derivation/mixed-outputs`. */
export function requiredSystemFeatures(
  options: DerivationOptions<unknown>,
  derivation: BasicDerivation,
): ReadonlySet<ByteString> {
  return hasKnownOutputPaths(derivationTypeOf(derivation))
    ? options.requiredSystemFeatures
    : new Set([...options.requiredSystemFeatures, brandAs<ByteString>('ca-derivations')]);
}

/** The options with store paths as inputs; undefined when `lookup` does not know one of them. */
export function resolveDerivationOptions(
  options: DerivationOptions,
  lookup: OutputLookup,
): DerivationOptions<StorePath> | undefined {
  try {
    return mapInputs(options, input => {
      if (input.kind === 'opaque') return input.path;
      const path = lookup(input.derivation, input.output);
      if (path === undefined) throw unknownInput;
      return path;
    });
  } catch (error) {
    if (error === unknownInput) return undefined;
    throw error;
  }
}

/** Thrown within `resolveDerivationOptions` alone, where it is caught. */
const unknownInput = new Error('an input is not known');

function mapInputs<A, B>(options: DerivationOptions<A>, map: (input: A) => B): DerivationOptions<B> {
  const mapReference = (reference: CheckedReference<A>): CheckedReference<B> =>
    reference.kind === 'own-output' ? reference : { kind: 'input', input: map(reference.input) };
  const mapChecks = (checks: OutputChecks<A>): OutputChecks<B> => ({
    ...checks,
    allowedReferences: checks.allowedReferences?.map(mapReference),
    disallowedReferences: checks.disallowedReferences.map(mapReference),
    allowedRequisites: checks.allowedRequisites?.map(mapReference),
    disallowedRequisites: checks.disallowedRequisites.map(mapReference),
  });
  const { outputChecks, exportReferencesGraph } = options;
  return {
    ...options,
    outputChecks:
      outputChecks.kind === 'for-all-outputs'
        ? { kind: 'for-all-outputs', checks: mapChecks(outputChecks.checks) }
        : {
            kind: 'per-output',
            checks: new Map(Array.from(outputChecks.checks, ([output, checks]) => [output, mapChecks(checks)])),
          },
    exportReferencesGraph: new Map(Array.from(exportReferencesGraph, ([name, inputs]) => [name, inputs.map(map)])),
  };
}
