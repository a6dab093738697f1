import {
  type BuiltPaths,
  type Derivation,
  type DerivedInputs,
  type SingleDerivingPath,
  builtPath,
  namedOutputs,
  opaquePath,
} from '../../nix-compat/index.ts';

/** What a derivation uses of others, outputs of outputs included. */
export function* usedOutputs({ inputDerivations }: Derivation): Generator<BuiltPaths> {
  const queue: Used[] = Array.from(inputDerivations, ([path, used]) => [opaquePath(path), used]);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [derivation, { outputs, dynamic }] = next;
    if (outputs.length > 0) yield { kind: 'built', derivation, outputs: namedOutputs(outputs) };
    for (const [output, used] of dynamic) queue.push([builtPath(derivation, output), used]);
  }
}

type Used = readonly [SingleDerivingPath, DerivedInputs];
