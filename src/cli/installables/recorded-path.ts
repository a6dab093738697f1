import { type FlakeRef, type InputAttributes, inputFromAttributes } from '../../eval/index.ts';
import type { FlakeOrigin, NamedPath } from './installable.ts';

/** A `NamedPath` as records of evaluations have it: data alone. */
export interface RecordedPath extends Pick<NamedPath, 'path' | 'what'> {
  readonly origin?: RecordedOrigin | undefined;
}

interface RecordedOrigin extends Omit<FlakeOrigin, 'original' | 'locked'> {
  readonly original: RecordedRef;
  readonly locked: RecordedRef;
}

interface RecordedRef {
  readonly attributes: InputAttributes;
  readonly folder: string;
}

export function toRecordedPath({ path, what, origin }: NamedPath): RecordedPath {
  if (origin === undefined) return { path, what };
  const { original, locked } = origin;
  return { path, what, origin: { ...origin, original: recordedRef(original), locked: recordedRef(locked) } };
}

function recordedRef({ input, folder }: FlakeRef): RecordedRef {
  return { attributes: input.attributes, folder };
}

export function fromRecordedPath({ path, what, origin }: RecordedPath): NamedPath {
  if (origin === undefined) return { path, what };
  const { original, locked } = origin;
  return { path, what, origin: { ...origin, original: flakeRef(original), locked: flakeRef(locked) } };
}

function flakeRef({ attributes, folder }: RecordedRef): FlakeRef {
  return { input: inputFromAttributes(attributes), folder };
}

export function areRecordedPaths(value: unknown): value is RecordedPath[] {
  return Array.isArray(value) && value.every(isRecordedPath);
}

/** Paths are taken as they are: only this program writes records. */
function isRecordedPath(value: unknown): value is RecordedPath {
  return typeof value === 'object' && value !== null && 'path' in value && 'what' in value;
}
