/** The functions that the core exports (src/core/index.ts). Addresses, symbols and positions are numbers. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;

  // Start
  start(): void;
  declareHostBuiltin(name: number, length: number, id: number, arity: number): void;
  declareConstant(name: number, length: number, at: number): void;
  finishStart(): number;
  /** The global name of a builtin of the core's. */
  builtinSymbol(id: number): number;
  baseCount(): number;
  baseName(index: number): number;
  setMaxCallDepth(depth: number): void;

  // Text to tree
  parseText(start: number, length: number, options: number): number;
  bindTree(tree: number, layer: number): void;
  newStaticLayer(parent: number): number;
  addStaticName(layer: number, symbol: number, slot: number): void;
  printTree(node: number): void;
  tokenize(start: number, length: number, pipes: number, replBindings: number): number;
  tokensAddress(): number;
  outputSize(): number;
  outputStart(): number;
  truncateOutput(size: number): void;

  // Tree to value
  evaluateTo(node: number, env: number, result: number): void;
  thunkTo(node: number, env: number, result: number): void;
  delayCallTo(callee: number, argument: number, result: number): void;
  forceAt(at: number, pos: number): void;
  forceDeepAt(at: number): void;
  callAt(callee: number, words: number, count: number, pos: number, result: number): void;
  coerceAt(at: number, flags: number, pos: number, text: number): number;
  jsonAt(at: number, flags: number): number;
  xmlAt(at: number, flags: number): number;

  // Values
  allocate(size: number): number;
  memoryUsed(): number;
  newString(length: number, context: number): number;
  newList(count: number): number;
  newEntries(count: number): number;
  setEntry(entries: number, index: number, symbol: number, position: number): void;
  attrsOfEntries(entries: number, count: number): number;
  attrsCount(attrs: number): number;
  plainOf(attrs: number): number;
  sortedByName(shape: number): number;
  lookupTo(attrs: number, symbol: number, result: number): number;
  intTo(low: number, high: number, result: number): void;
  floatTo(value: number, result: number): void;
  pathTo(text: number, result: number): void;
  hostBuiltinTo(id: number, arity: number, result: number): void;
  newEnv(up: number, slots: number): number;
  intern(bytes: number, length: number): number;
  nameOf(symbol: number): number;
  symbolCount(): number;
  contextOfOne(symbol: number): number;
  uniteContexts(a: number, b: number): number;
  resultAddress(): number;
  setStoreDir(string: number): void;
  /** By the symbol of a context element: address of a Made object (src/core/derivation/made.ts), or 0. */
  madeDerivation(element: number): number;
  /** By the symbol of a context element: address of the digits of its hash modulo, or 0. */
  knownModuloHash(element: number): number;

  /** Where an observed core has its counts (src/core/observe.ts). */
  countsAddress(): number;

  // Log
  push(kind: number, pos: number, a: number, b: number): void;
  pop(): void;
  logBottom(): number;
  logTopNow(): number;
  startDebugging(): void;
  stackTopNow(): number;
  callDepthNow(): number;
  enter(pos: number): void;
  leave(): void;
  restoreLog(log: number, stack: number, depth: number): void;
  failCell(cell: number, failure: number): void;
  siblingCount(kind: number, a: number): number;
  evaluateSibling(kind: number, index: number, a: number, b: number): void;
  /** The cell that stands for what is not known. */
  standIn(): number;
  beginTrail(): void;
  /** With 1 all cells that were forced since `beginTrail` get back what they held. */
  endTrail(undoes: number): void;
}

/** What `coerceAt` makes strings of, as bits (src/core/coerce.ts). */
export const coerce = { plain: 0, more: 1, copy: 2, canonical: 4 } as const;

/** What `jsonAt` does, as bits (src/core/builtins/json.ts). */
export const jsonFlags = { copies: 1, strict: 2 } as const;

/** What `xmlAt` does, as bits (src/core/builtins/xml.ts). */
export const xmlFlags = { strict: 1, locations: 2 } as const;

/** Kinds of records on the log (src/core/log.ts). */
export const frameKinds = {
  cell: 1,
  lambda: 2,
  builtin: 3,
  select: 4,
  text: 5,
  message: 6,
  hostText: 7,
  derivation: 8,
  derivationAttribute: 9,
  call: 10,
  let: 11,
  selection: 12,
  observed: 13,
  jsonAttributes: 17,
  derivationAttributes: 21,
} as const;

/** The kinds from here on are those of siblings (src/core/siblings.ts). */
export const firstSiblingKind = 14;

/** Bytes of a record on the log. */
export const frameSize = 16;

/** Where the core's log, its stack of arguments and its count of calls were. */
export interface LogBase {
  readonly log: number;
  readonly stack: number;
  readonly depth: number;
}
