import type { ByteString, SourcePosition, TraceLine } from '../../base/index.ts';
import { EvalError, type EvalErrorCode, type EvalMessage, type EvalNeed } from '../../eval/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Flake } from '../flakes/flake.ts';
import { type EvaluationInputs, type MarkedInputs, type TreeInputs, countOf, digestSize } from './inputs.ts';

/** What one evaluation came of, and what came of it. All of it is data: it can be kept and be read again. */
export interface EvaluationRecord extends EvaluationPart {
  /** What was asked (`questionOf`): names of records are too short to be different for all questions. */
  readonly question: string;
  /** The settings of flakes that came into force. */
  readonly configs: readonly Flake['config'][];
  readonly messages: readonly EvalMessage[];
  readonly outcome: EvaluationOutcome;
}

/** What a part of an evaluation came of: each thread has one. */
export interface EvaluationPart {
  /** Of each thread. All must be the same. */
  readonly inputs: readonly EvaluationInputs[];
  /** What it asked of the store, in order, and what of each answer it may depend on (`gistOf`). */
  readonly needs: readonly (readonly [need: EvalNeed, gist: string])[];
  /** What it wanted to be in the store. */
  readonly wanted: readonly StorePath[];
}

export type EvaluationOutcome =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** An `EvalError` as data. */
interface PlainError {
  readonly code: EvalErrorCode;
  readonly message: string;
  readonly position: SourcePosition | undefined;
  readonly traces: readonly TraceLine[];
  readonly suggestions: readonly string[];
}

export function failureOf({ code, message, position, traces, suggestions }: EvalError): EvaluationOutcome {
  return { kind: 'failed', error: { code, message, position, traces, suggestions } };
}

export function errorOf({ code, message, ...details }: PlainError): EvalError {
  return new EvalError(code, message, details);
}

/**
 * What was read, as a record; undefined where it is none. Values, needs and messages are taken as they are: their makers were of
 * the same build, which the record's name stands for, and the bytes were what they wrote.
 */
export function asRecord(read: unknown): EvaluationRecord | undefined {
  return isRecord(read) ? read : undefined;
}

function isRecord(read: unknown): read is EvaluationRecord {
  if (!isObject(read)) return false;
  const { question, inputs, needs, wanted, configs, messages, outcome } = read;
  return (
    isString(question) &&
    isArrayOf(inputs, isInputs) &&
    isArrayOf(needs, Array.isArray) &&
    isArrayOf(wanted, isString) &&
    isArrayOf(configs, isMap) &&
    isArrayOf(messages, isObject) &&
    isObject(outcome) &&
    (outcome['kind'] === 'value' || (outcome['kind'] === 'failed' && isObject(outcome['error'])))
  );
}

function isInputs(read: unknown): read is EvaluationInputs {
  if (!isObject(read)) return false;
  const { kinds, files, directories, links, trees, variables } = read;
  return (
    isObject(kinds) &&
    isByteString(kinds['paths']) &&
    isString(kinds['found']) &&
    isMarked(files) &&
    hasKinds(files) &&
    isMarked(directories) &&
    isObject(links) &&
    isByteString(links['paths']) &&
    isByteString(links['targets']) &&
    areTrees(trees) &&
    isArrayOf(variables, Array.isArray)
  );
}

function hasKinds(read: MarkedInputs): read is EvaluationInputs['files'] {
  const kinds: unknown = Reflect.get(read, 'kinds');
  return isString(kinds) && kinds.length === countOf(read);
}

function isMarked(read: unknown): read is MarkedInputs {
  if (!hasMarks(read)) return false;
  const digests: unknown = Reflect.get(read, 'digests');
  return digests instanceof Uint8Array && digests.byteLength === countOf(read) * digestSize;
}

function areTrees(read: unknown): read is TreeInputs {
  if (!isObject(read)) return false;
  const { roots, taken, digests, counts } = read;
  return (
    hasMarks(read) &&
    isByteString(roots) &&
    isString(taken) &&
    digests instanceof Uint8Array &&
    digests.byteLength === taken.length * digestSize &&
    counts instanceof Uint32Array &&
    counts.length === taken.length &&
    counts.reduce((sum, count) => sum + count, 0) === countOf(read)
  );
}

function hasMarks(read: unknown): read is Pick<MarkedInputs, 'paths' | 'marks'> {
  return isObject(read) && isByteString(read['paths']) && read['marks'] instanceof Float64Array;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map;
}

function isArrayOf<T>(value: unknown, isOne: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.every(each => isOne(each));
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

/** Code units are bytes. */
function isByteString(value: unknown): value is ByteString {
  // oxlint-disable-next-line no-control-regex -- all bytes
  return isString(value) && /^[\x00-\xff]*$/.test(value);
}
