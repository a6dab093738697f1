/** Blocks of addresses, 4 bytes each. */
import { allocate } from '../memory.ts';

export function newAddresses(count: u32): usize {
  return allocate((<usize>count) << 2);
}

export function addressAt(block: usize, index: u32): usize {
  return load<u32>(block + ((<usize>index) << 2));
}

export function setAddressAt(block: usize, index: u32, address: usize): void {
  store<u32>(block + ((<usize>index) << 2), <u32>address);
}
