/** What the main thread and those that evaluate jobs tell each other. All of it survives a structured clone. */
import type { EvalMessage } from '../../eval/index.ts';
import type { BuildResult, DerivingPath } from '../../nix-compat/index.ts';
import type { EvaluationPart, RealisationPlan } from '../../engine/index.ts';
import type { JobPath, JobResult } from './job.ts';

/** What a thread starts with. */
export interface JobThreadSetup {
  /** The command line, whose program is `firn`. */
  readonly argv: readonly string[];
  /** What standard input said, as bytes, if that is asked for. */
  readonly input?: string | undefined;
  /** Whether it is to tell what it has read. */
  readonly records: boolean;
  /** Where compiled code is kept, if it is. */
  readonly compileCache: string | undefined;
  /** The file of what it runs. */
  readonly program: string;
}

/** To a thread. */
export type JobOrder =
  | { readonly kind: 'evaluate'; readonly job: number; readonly path: JobPath }
  | { readonly kind: 'realised'; readonly request: number; readonly reply: RealisingReply }
  /** There are no more jobs. */
  | { readonly kind: 'end' };

/** From a thread. */
export type JobReport =
  /** It has time for another job. */
  | { readonly kind: 'free' }
  | { readonly kind: 'done'; readonly job: number; readonly result: JobResult; readonly imports: readonly string[] }
  /** It does no more, since it has too many values; these jobs are for others. `part` is as below. */
  | { readonly kind: 'full'; readonly undone: readonly number[]; readonly part: EvaluationPart | undefined }
  /** It was told that there are no more jobs. `part` is what all of its jobs came of, if that is recorded and known. */
  | { readonly kind: 'ended'; readonly part: EvaluationPart | undefined }
  | { readonly kind: 'said'; readonly message: EvalMessage }
  | { readonly kind: 'realise'; readonly request: number; readonly call: RealisingCall }
  /** What is to be evaluated cannot be: `text` is the whole message. */
  | { readonly kind: 'failed'; readonly text: string };

/** A call of `Realising`, of which the main thread has the only one. */
export interface RealisingCall {
  readonly method: 'attempt' | 'realise' | 'plan';
  readonly wanted: readonly DerivingPath[];
}

export type RealisingReply =
  | { readonly kind: 'attempted'; readonly results: readonly (BuildResult | undefined)[] }
  | { readonly kind: 'realised'; readonly results: readonly BuildResult[] }
  | { readonly kind: 'planned'; readonly plan: RealisationPlan }
  | { readonly kind: 'failed'; readonly message: string };
