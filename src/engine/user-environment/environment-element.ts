import type { ByteString } from '../../base/index.ts';
import { byteStringFromText } from '../../base/index.ts';
import {
  type Evaluator,
  type Package,
  type PlainData,
  allMetaOf,
  declaredDerivationPathOf,
  outPathOf,
  outputPathsOf,
  outputsToInstallOf,
  packageNameOf,
  systemOf,
} from '../../eval/index.ts';
import type { OutputName, StorePath } from '../../nix-compat/index.ts';

/** A package of an environment, as far as that remembers it. */
export interface EnvironmentElement {
  readonly name: ByteString;
  /** Undefined for what was installed by its store path. */
  readonly system: ByteString | undefined;
  readonly outPath: StorePath;
  readonly drvPath: StorePath | undefined;
  /** Those that are part of the environment, by their names. */
  readonly outputs: ReadonlyMap<OutputName, StorePath>;
  /** Without what cannot be written down. */
  readonly meta: ReadonlyMap<ByteString, PlainData>;
}

/**
 * A package that is to be part of an environment. Which of its outputs are is asked when it is built, as C++ Nix does it:
 * what is wrong with them shows then. Throws what evaluating throws.
 */
export interface ChosenPackage extends Omit<EnvironmentElement, 'outputs'> {
  readonly outputs: () => EnvironmentElement['outputs'];
}

/** What an environment needs to know of a package that was evaluated. Throws what evaluating throws. */
export function readElement(evaluator: Evaluator, found: Package): ChosenPackage {
  const meta = new Map<ByteString, PlainData>();
  for (const [name, data] of allMetaOf(evaluator, found)) if (data !== undefined) meta.set(name, data);
  return {
    name: packageNameOf(evaluator, found),
    system: systemOf(evaluator, found),
    outPath: outPathOf(evaluator, found),
    drvPath: declaredDerivationPathOf(evaluator, found),
    outputs: () => readOutputs(evaluator, found),
    meta,
  };
}

function readOutputs(evaluator: Evaluator, found: Package): EnvironmentElement['outputs'] {
  const paths = outputPathsOf(evaluator, found);
  const outputs = new Map<OutputName, StorePath>();
  for (const output of outputsToInstallOf(evaluator, found)) {
    const path = paths.get(output);
    if (path !== undefined) outputs.set(output, path);
  }
  return outputs;
}

/** A number that `meta` says, which may be a text; `fallback` where it says none. */
export function metaInt(meta: ReadonlyMap<string, PlainData>, name: string, fallback: bigint): bigint {
  const data = meta.get(name);
  if (data?.kind === 'int') return data.value;
  return data?.kind === 'string' && /^-?[0-9]+$/.test(data.value) ? BigInt(data.value) : fallback;
}

/** A truth that `meta` says, which may be a text; false where it says none. */
export function metaBool(meta: ReadonlyMap<string, PlainData>, name: string): boolean {
  const data = meta.get(name);
  if (data?.kind === 'bool') return data.value;
  return data?.kind === 'string' && data.value === byteStringFromText('true');
}
