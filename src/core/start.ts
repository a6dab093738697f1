/** What the host does before the first evaluation, and the ways in afterwards. */
import { declareWord, makeBaseEnv } from './builtins/base.ts';
import { firstHostBuiltin } from './builtins/ids.ts';
import { declareBuiltins } from './builtins/table.ts';
import { makeTypeNames } from './builtins/types.ts';
import { startDerivations } from './derivation/made.ts';
import { makeSpecialNodes } from './force.ts';
import { builtinWord } from './function.ts';
import { resultAddress } from './host-result.ts';
import { internKnownSymbols } from './known-symbols.ts';
import { startLog } from './log.ts';
import { intern } from './symbol.ts';

/** To be called first, once. */
export function start(): void {
  makeSpecialNodes();
  startLog();
  startDerivations();
  resultAddress();
  internKnownSymbols();
  makeTypeNames();
  declareBuiltins();
}

/** Declares the host's builtin number `id` (from 0) under the `length` bytes at `name`. */
export function declareHostBuiltin(name: usize, length: u32, id: u32, arity: u32): void {
  declareWord(intern(name, length), builtinWord(firstHostBuiltin + id, arity));
}

/** Declares the word at `at`. */
export function declareConstant(name: usize, length: u32, at: usize): void {
  declareWord(intern(name, length), load<u64>(at));
}

/** The environment of everything that was declared. */
export function finishStart(): usize {
  return makeBaseEnv();
}
