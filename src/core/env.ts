/** Environments: the one around, and a word a variable. A slot holds 0 until it is filled. */
import { allocate } from './memory.ts';
import type { Word } from './value.ts';
import { Counted, tally } from './observe.ts';

@unmanaged
class EnvObject {
  up: usize;
  reserved: u32;
}

const envHeader: usize = 8;

export function newEnv(up: usize, slots: u32): usize {
  const env = allocate(envHeader + ((<usize>slots) << 3));
  changetype<EnvObject>(env).up = up;
  tally(Counted.Environments, 1);
  tally(Counted.EnvironmentSlots, slots);
  return env;
}

export function upFrom(env: usize, levels: u32): usize {
  let at = env;
  for (let i: u32 = 0; i < levels; i++) at = changetype<EnvObject>(at).up;
  return at;
}

export function slotAt(env: usize, index: u32): Word {
  return load<u64>(env + ((<usize>index) << 3), envHeader);
}

export function setSlotAt(env: usize, index: u32, word: Word): void {
  store<u64>(env + ((<usize>index) << 3), word, envHeader);
}

export function slotAddress(env: usize, index: u32): usize {
  return env + envHeader + ((<usize>index) << 3);
}
