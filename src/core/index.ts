/**
 * core: Nix text to a bound syntax tree, and that to values, compiled to WebAssembly (AssemblyScript).
 *
 * Exports are functions of numbers: addresses in the instance's memory, which the host reads.
 */
export { bindTree } from './binder.ts';
export { allocate, memoryUsed } from './memory.ts';
export { outputSize, outputStart, truncateOutput } from './output.ts';
export { parseText } from './parser.ts';
export { printTree } from './print-tree.ts';
export { addStaticName, layerOfSymbols, newStaticLayer } from './static-layer.ts';
export { intern, symbolCount } from './symbol.ts';
export { tokenize, tokensAddress } from './tokenize.ts';
export {
  callAt,
  coerceAt,
  delayCallTo,
  evaluateTo,
  failCell,
  floatTo,
  forceAt,
  forceDeepAt,
  hostBuiltinTo,
  intTo,
  jsonAt,
  lookupTo,
  pathTo,
  thunkTo,
  xmlAt,
} from './api.ts';
export { attrsCount, attrsOfEntries, newEntries, plainOf, setEntry } from './attrs.ts';
export { sortedByName } from './builtins/sets.ts';
export { contextOfOne, uniteContexts } from './context.ts';
export { knownModuloHash, madeDerivation } from './derivation/made.ts';
export { setStoreDir } from './derivation/store-path.ts';
export { newEnv } from './env.ts';
export { countsAddress } from './observe.ts';
export { resultAddress } from './host-result.ts';
export {
  callDepthNow,
  enter,
  leave,
  logBottom,
  logTopNow,
  pop,
  push,
  restoreLog,
  setMaxCallDepth,
  stackTopNow,
  startDebugging,
} from './log.ts';
export { evaluateSibling, siblingCount, standIn } from './siblings.ts';
export { declareConstant, declareHostBuiltin, finishStart, start } from './start.ts';
export { newString } from './string.ts';
export { nameOf } from './symbol.ts';
export { beginTrail, endTrail } from './trail.ts';
export { newList } from './value.ts';
export { baseCount, baseName, builtinSymbol } from './builtins/base.ts';
