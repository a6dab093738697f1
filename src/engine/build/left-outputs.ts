import type { OutputName, StorePath } from '../../nix-compat/index.ts';
import type { LeftOutput } from '../outputs/finished-build.ts';
import type { OutputStates } from './output-states.ts';
import type { ScratchOutputs } from './scratch-outputs.ts';

/** Outputs as their builder is to leave them: `placeOf` says where on this machine's disk what it calls a path is. */
export function leftOutputs(
  states: OutputStates,
  scratch: ScratchOutputs,
  placeOf: (path: StorePath) => string,
): Map<OutputName, LeftOutput> {
  const outputs = new Map<OutputName, LeftOutput>();
  for (const [name, { id, path, validity }] of states) {
    const known = scratch.paths.get(name);
    if (known === undefined) throw new TypeError(`output '${name}' was given no path`);
    outputs.set(name, { id, scratch: known, at: placeOf(known), valid: validity === 'valid' ? path : undefined });
  }
  return outputs;
}
