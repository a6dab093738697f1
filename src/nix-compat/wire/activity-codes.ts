import {
  type ActivityField,
  type ActivityResult,
  type ActivityStart,
  type ActivityType,
  type ByteString,
  type Verbosity,
  activityTypeNames,
  byteStringFromText,
  displayBytes,
  unreachable,
  verbosities,
} from '../../base/index.ts';
import { type LogField, activityTypes, resultTypes } from './log-message.ts';

const typesByNumber = new Map<number, ActivityType>(activityTypeNames.map(type => [activityTypes[type], type]));

/** `unknown` for numbers that are newer than we are. */
export function activityTypeOf(number: number): ActivityType {
  return typesByNumber.get(number) ?? 'unknown';
}

/** The least important for numbers beyond. */
export function verbosityOf(rank: number): Verbosity {
  return verbosities[rank] ?? 'vomit';
}

/** The fields of an activity as they go over the wire. Negative and broken numbers become 0: the wire has none. */
export function encodeFields(fields: ActivityStart['fields'] = []): LogField[] {
  return fields.map(field => (typeof field === 'number' ? numberField(field) : byteStringFromText(field)));
}

/** Numbers beyond 2^53 are rounded: they are counts to show. */
export function decodeFields(fields: readonly LogField[]): ActivityField[] {
  return fields.map(field => (typeof field === 'bigint' ? Number(field) : displayBytes(field)));
}

/** A result as logs and wires have it. */
export interface EncodedResult {
  /** One of `resultTypes`. */
  readonly type: number;
  readonly fields: readonly LogField[];
}

export function encodeResult(result: ActivityResult): EncodedResult {
  const type = resultTypes[result.type];
  switch (result.type) {
    case 'progress':
      return { type, fields: [result.done, result.expected, result.running, result.failed].map(numberField) };
    case 'setExpected':
      return { type, fields: [BigInt(activityTypes[result.of]), numberField(result.expected)] };
    case 'fileLinked':
      return { type, fields: [result.bytes, result.blocks].map(numberField) };
    case 'buildLogLine':
    case 'postBuildLogLine':
      return { type, fields: [result.line] };
    case 'untrustedPath':
    case 'corruptedPath':
      return { type, fields: [byteStringFromText(result.path)] };
    case 'setPhase':
      return { type, fields: [byteStringFromText(result.phase)] };
    case 'fetchStatus':
      return { type, fields: [byteStringFromText(result.text)] };
    default:
      return unreachable(result);
  }
}

/** Undefined for types that are newer than we are and for fields that are not what the type has. */
export function decodeResult({ type, fields }: EncodedResult): ActivityResult | undefined {
  const [first, second, third, fourth] = fields;
  switch (type) {
    case resultTypes.progress:
      if (typeof first !== 'bigint' || typeof second !== 'bigint') return undefined;
      if (typeof third !== 'bigint' || typeof fourth !== 'bigint') return undefined;
      return {
        type: 'progress',
        done: Number(first),
        expected: Number(second),
        running: Number(third),
        failed: Number(fourth),
      };
    case resultTypes.setExpected:
      if (typeof first !== 'bigint' || typeof second !== 'bigint') return undefined;
      return { type: 'setExpected', of: activityTypeOf(Number(first)), expected: Number(second) };
    case resultTypes.fileLinked:
      if (typeof first !== 'bigint') return undefined;
      return { type: 'fileLinked', bytes: Number(first), blocks: typeof second === 'bigint' ? Number(second) : 0 };
    default:
      return first === undefined || typeof first === 'bigint' ? undefined : decodeTextResult(type, first);
  }
}

function decodeTextResult(type: number, text: ByteString): ActivityResult | undefined {
  switch (type) {
    case resultTypes.buildLogLine:
      return { type: 'buildLogLine', line: text };
    case resultTypes.postBuildLogLine:
      return { type: 'postBuildLogLine', line: text };
    case resultTypes.untrustedPath:
      return { type: 'untrustedPath', path: displayBytes(text) };
    case resultTypes.corruptedPath:
      return { type: 'corruptedPath', path: displayBytes(text) };
    case resultTypes.setPhase:
      return { type: 'setPhase', phase: displayBytes(text) };
    case resultTypes.fetchStatus:
      return { type: 'fetchStatus', text: displayBytes(text) };
    default:
      return undefined;
  }
}

function numberField(value: number): bigint {
  return Number.isFinite(value) && value > 0 ? BigInt(Math.trunc(value)) : 0n;
}
