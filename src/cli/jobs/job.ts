import { type ByteString, byteStringFromLatin1 } from '../../base/index.ts';
import type { JsonObject, JsonValue, StorePath } from '../../nix-compat/index.ts';

/** Names of attributes, from the root of what is evaluated. */
export type JobPath = readonly ByteString[];

/** What an attribute turned out to be. Structured clones of it are the same: it passes between threads. */
export type JobResult =
  | DerivationJob
  /** A set whose attributes are looked at, in byte order; none of what cannot be built, or is not to be looked at. */
  | { readonly kind: 'set'; readonly names: readonly ByteString[] }
  /** `message` has no terminal escapes. */
  | { readonly kind: 'failed'; readonly message: string };

export interface DerivationJob {
  readonly kind: 'derivation';
  readonly derivation: StorePath;
  /** What is printed of it. */
  readonly fields: JsonObject;
  /** Of an aggregate: the jobs that it names, which become inputs of it. */
  readonly named: readonly ByteString[];
  /** Whether these are patterns. */
  readonly arePatterns: boolean;
}

/** A job that has ended. */
export interface EndedJob {
  readonly path: JobPath;
  readonly result: JobResult;
  /** Outputs that evaluating it needed. */
  readonly imports: readonly string[];
}

/** Whether what was read from a record of an evaluation is a list of them: only this program writes records. */
export function areEndedJobs(value: unknown): value is readonly EndedJob[] {
  return Array.isArray(value) && value.every(isEndedJob);
}

function isEndedJob(value: unknown): value is EndedJob {
  return typeof value === 'object' && value !== null && 'path' in value && 'result' in value && 'imports' in value;
}

/** With dots between names, those with dots of their own in quotes. */
export function formatJobPath(path: JobPath): ByteString {
  return byteStringFromLatin1(path.map(name => (name.includes('.') ? `"${name}"` : name)).join('.'));
}

/** What every line begins with. */
export function fieldsOfPath(path: JobPath): { readonly attr: JsonValue; readonly attrPath: JsonValue } {
  return { attr: formatJobPath(path), attrPath: path };
}
