/** The derivations that were made here, and the hashes of those that others need. */
import { moduloHash } from '../host.ts';
import { allocate } from '../memory.ts';
import { copyString, bytesOf, lengthOf } from '../string.ts';
import { type Symbol, nameOf } from '../symbol.ts';
import { newInput } from './draft.ts';
import { type SymbolMap, addressFor, newSymbolMap, setAddressFor } from './symbol-map.ts';

@unmanaged
export class Made {
  /** The base name of its store path. */
  path: usize;
  /** The text that is to be stored. */
  text: usize;
  length: u32;
  reserved: u32;
}

/** Made objects by the symbols of `=PATH`. */
let derivations: SymbolMap = changetype<SymbolMap>(0);
/** Input objects by the symbols of `!OUTPUT!PATH`. */
let inputs: SymbolMap = changetype<SymbolMap>(0);

export function startDerivations(): void {
  derivations = newSymbolMap();
  inputs = newSymbolMap();
}

export function rememberDerivation(element: Symbol, made: Made): void {
  setAddressFor(derivations, element, changetype<usize>(made));
}

/** The Made object of the derivation that the context element `=PATH` is of; 0 for one that was not made here. */
export function madeDerivation(element: Symbol): usize {
  return addressFor(derivations, element);
}

export function rememberInput(element: Symbol, derivation: usize, output: usize, hash: usize): void {
  setAddressFor(inputs, element, newInput(derivation, output, hash));
}

/** The digits of the hash modulo of the output that the context element is; 0 for one that was not made here. */
export function knownModuloHash(element: Symbol): usize {
  const input = addressFor(inputs, element);
  return input == 0 ? 0 : load<u32>(input, 8);
}

/**
 * The Input object of `!OUTPUT!PATH`. 0 for outputs of outputs, and for those whose hash depends on what is not built yet:
 * these are the host's.
 */
export function inputOf(element: Symbol): usize {
  const known = addressFor(inputs, element);
  if (known != 0) return known;
  const name = nameOf(element);
  const bytes = bytesOf(name);
  const length = lengthOf(name);
  let at: u32 = 1;
  while (at < length && load<u8>(bytes + at) != 0x21) at++;
  for (let i = at + 1; i < length; i++) if (load<u8>(bytes + i) == 0x21) return 0;
  if (at >= length) return 0;
  const derivation = copyString(bytes + at + 1, length - at - 1, 0);
  const output = copyString(bytes + 1, at - 1, 0);
  const hash = moduloHash(derivation, output);
  if (hash == 0) return 0;
  rememberInput(element, derivation, output, hash);
  return addressFor(inputs, element);
}

export function newMade(path: usize, text: usize, length: u32): Made {
  const made = changetype<Made>(allocate(offsetof<Made>()));
  made.path = path;
  made.text = text;
  made.length = length;
  return made;
}
