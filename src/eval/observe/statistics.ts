import { byteStringFromText } from '../../base/index.ts';
import { type JsonObject, type JsonValue, jsonObject } from '../../nix-compat/index.ts';
import type { Core } from '../core.ts';
import type { Evaluator } from '../evaluator.ts';
import { lambdaNameOffset } from '../value-printer.ts';

/** What an observed core counts, in its order (src/core/observe.ts). */
const counted = [
  'nodes',
  'thunks',
  'avoidedThunks',
  'values',
  'environments',
  'environmentSlots',
  'lists',
  'listElements',
  'listConcatenations',
  'sets',
  'setElements',
  'updates',
  'updateValues',
  'lookups',
] as const;

/** Sizes in bytes of what is counted: a word, and what objects have beside their words. */
const sizes = { word: 8n, environment: 8n, list: 8n, set: 8n };

/** How often each function was called. */
export class CallCounts {
  /** By LambdaNode. */
  readonly lambdas = new Map<number, number>();
  /** By id. */
  readonly builtins = new Map<number, number>();

  lambdaCalled(node: number): void {
    this.lambdas.set(node, (this.lambdas.get(node) ?? 0) + 1);
  }

  builtinCalled(id: number): void {
    this.builtins.set(id, (this.builtins.get(id) ?? 0) + 1);
  }
}

export interface StatisticsOptions {
  readonly calls: CallCounts;
  /** Whether each function is listed. */
  readonly listsCalls: boolean;
  /** Seconds of processor time so far. */
  readonly cpuTime: number;
}

/** What an evaluation has made and done, as `NIX_SHOW_STATS` shows it. Sizes are those of this evaluator. */
export function statisticsOf(evaluator: Evaluator, { calls, listsCalls, cpuTime }: StatisticsOptions): JsonObject {
  const { core } = evaluator;
  const at = core.exports.countsAddress();
  const count = (name: (typeof counted)[number]) => core.memory.i64(at + counted.indexOf(name) * 8);
  return jsonObject({
    cpuTime,
    time: jsonObject({ cpu: cpuTime }),
    envs: jsonObject({
      number: count('environments'),
      elements: count('environmentSlots'),
      bytes: count('environments') * sizes.environment + count('environmentSlots') * sizes.word,
    }),
    nrExprs: count('nodes'),
    list: jsonObject({
      elements: count('listElements'),
      bytes: count('lists') * sizes.list + count('listElements') * sizes.word,
      concats: count('listConcatenations'),
    }),
    values: jsonObject({ number: count('values'), bytes: count('values') * sizes.word }),
    symbols: symbolsOf(core),
    sets: jsonObject({
      number: count('sets'),
      bytes: count('sets') * sizes.set + count('setElements') * sizes.word,
      elements: count('setElements'),
    }),
    sizes: jsonObject({ Env: sizes.environment, Value: sizes.word, Bindings: sizes.set, Attr: sizes.word }),
    nrOpUpdates: count('updates'),
    nrOpUpdateValuesCopied: count('updateValues'),
    nrThunks: count('thunks'),
    nrAvoided: count('avoidedThunks'),
    nrLookups: count('lookups'),
    nrPrimOpCalls: sum(calls.builtins),
    nrFunctionCalls: sum(calls.lambdas),
    // Memory is not collected.
    gc: jsonObject({
      heapSize: BigInt(core.memory.size),
      totalBytes: BigInt(core.exports.memoryUsed()),
      cycles: 0n,
    }),
    ...(listsCalls ? { primops: builtinCalls(evaluator, calls), functions: lambdaCalls(evaluator, calls) } : {}),
  });
}

function symbolsOf(core: Core): JsonValue {
  const number = core.exports.symbolCount();
  let bytes = 0;
  for (let symbol = 1; symbol < number; symbol++) bytes += core.nameOf(symbol).length;
  return jsonObject({ number: BigInt(number), bytes: BigInt(bytes) });
}

function sum(counts: ReadonlyMap<number, number>): bigint {
  return BigInt([...counts.values()].reduce((total, count) => total + count, 0));
}

function builtinCalls({ errors }: Evaluator, { builtins }: CallCounts): JsonValue {
  return new Map(
    Array.from(builtins, ([id, count]) => [byteStringFromText(errors.world.builtinName(id)), BigInt(count)]),
  );
}

function lambdaCalls({ core, positions }: Evaluator, { lambdas }: CallCounts): JsonValue {
  return Array.from(lambdas, ([node, count]) => {
    const name = core.memory.u32(node + lambdaNameOffset);
    const pos = core.memory.u32(node + 4);
    const place = positions.resolve(pos);
    const isFile = positions.origin(pos)?.kind === 'file';
    return jsonObject({
      name: name === 0 ? null : core.nameOf(name),
      file: place !== undefined && isFile ? byteStringFromText(place.file) : undefined,
      line: place === undefined ? undefined : BigInt(place.line),
      column: place === undefined ? undefined : BigInt(place.column),
      count: BigInt(count),
    });
  });
}
