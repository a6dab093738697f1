/** A derivation while it is being made: what its attributes say, and what follows from that. */
import { addressAt } from './addresses.ts';
import { allocate } from '../memory.ts';

/** Strings are StringObjects, 0 where there is none. Blocks are of 4 bytes an entry unless they say otherwise. */
@unmanaged
export class Draft {
  name: usize;
  context: usize;
  /** Variables of the environment, in the order of their names' bytes: name and value. */
  variables: usize;
  variableCount: u32;
  args: usize;
  argCount: u32;
  builder: usize;
  platform: usize;
  outputHash: usize;
  outputHashAlgo: usize;
  outputHashMode: usize;
  /** In the order of their names' bytes: Output objects. */
  outputs: usize;
  outputCount: u32;
  /** Of a fixed output: method and algorithm, and the hash in base16. */
  fixedMode: usize;
  fixedHash: usize;
  /** Store objects that are needed: base names in byte order. */
  sources: usize;
  sourceCount: u32;
  /** Outputs of derivations that are needed: Input objects, in the order of their derivations, then of their names. */
  inputs: usize;
  inputCount: u32;
  /** The same in the order of their hashes, then of their names. */
  inputsByHash: usize;
}

@unmanaged
export class Output {
  name: usize;
  /** Of the store: the base name, and printed. 0 until they are known. */
  path: usize;
  printed: usize;
  reserved: u32;
}

/** An output that others may need. */
@unmanaged
export class Input {
  /** Base name of the derivation. */
  derivation: usize;
  output: usize;
  /** Digits of the hash that stands for the derivation in the hashes of others ("modulo"). */
  hash: usize;
  reserved: u32;
}

export function newDraft(name: usize): Draft {
  const draft = changetype<Draft>(allocate(offsetof<Draft>()));
  draft.name = name;
  return draft;
}

export function outputAt(draft: Draft, index: u32): Output {
  return changetype<Output>(addressAt(draft.outputs, index));
}

export function inputAt(block: usize, index: u32): Input {
  return changetype<Input>(addressAt(block, index));
}

export function newInput(derivation: usize, output: usize, hash: usize): usize {
  const input = changetype<Input>(allocate(offsetof<Input>()));
  input.derivation = derivation;
  input.output = output;
  input.hash = hash;
  return changetype<usize>(input);
}
