import type { ByteString } from './bytes.ts';

/**
 * The vocabulary of progress. Store, engine and server say through a `Reporter` what they do; who renders it (the
 * command line) or passes it on (a server to its client) implements a `ReportSink` (`reporter.ts`).
 */

/** How important a message is, most important first; those beyond what was asked for are not shown. */
export const verbosities = ['error', 'warn', 'notice', 'info', 'talkative', 'chatty', 'debug', 'vomit'] as const;

export type Verbosity = (typeof verbosities)[number];

const ranks = new Map<Verbosity, number>(verbosities.map((level, rank) => [level, rank]));

/** 0 for `error` up to 7 for `vomit`: what C++ Nix writes on wires and into logs. */
export function verbosityRank(level: Verbosity): number {
  return ranks.get(level) ?? 0;
}

/**
 * What an activity is, in C++ Nix's classification, and which fields it has (numbers and texts, in this order):
 *
 *     copyPath       store path, URL of the source, URL of the destination
 *     fileTransfer   URL
 *     build          store path of the derivation, machine (empty: this one), 1, 1
 *     substitute     store path, URL of the substituter
 *     queryPathInfo  store path, URL of the store
 *     postBuildHook  store path of the derivation
 *     buildWaiting   store path of the derivation and of what it resolved to, or nothing
 *
 * The others have none. `realise`, `builds` and `copyPaths` count the activities of a whole command; `copyPath` and
 * `fileTransfer` count bytes.
 */
export const activityTypeNames = [
  'unknown',
  'copyPath',
  'fileTransfer',
  'realise',
  'copyPaths',
  'builds',
  'build',
  'optimiseStore',
  'verifyPaths',
  'substitute',
  'queryPathInfo',
  'postBuildHook',
  'buildWaiting',
  'fetchTree',
] as const;

export type ActivityType = (typeof activityTypeNames)[number];

/** Numbers are counts or bytes, texts are store paths (as they are printed) and URLs. */
export type ActivityField = number | string;

/** A text, or what makes it if anybody wants it. It may have the terminal's colour sequences. */
export type LazyText = string | (() => string);

/** What is about to be done. */
export interface ActivityStart {
  readonly type: ActivityType;
  /** Shown with `...` behind it where messages of `level` are shown. */
  readonly text?: LazyText;
  /** `error`, the most important, if it is left out: that is C++ Nix's level of activities without a text. */
  readonly level?: Verbosity;
  /** See `ActivityType`. */
  readonly fields?: readonly ActivityField[];
}

/** What an activity has to say while it goes on. */
export type ActivityResult =
  | ActivityProgress
  /** Of the activities of type `of`, `expected` (or so many bytes) are to come within this one; replaces what it said before. */
  | { readonly type: 'setExpected'; readonly of: ActivityType; readonly expected: number }
  /** A file became a link to another with the same contents: what that saves. */
  | { readonly type: 'fileLinked'; readonly bytes: number; readonly blocks: number }
  /** One line a builder wrote, without its end. */
  | { readonly type: 'buildLogLine'; readonly line: ByteString }
  /** One line the post-build hook wrote, without its end. */
  | { readonly type: 'postBuildLogLine'; readonly line: ByteString }
  | { readonly type: 'untrustedPath'; readonly path: string }
  | { readonly type: 'corruptedPath'; readonly path: string }
  /** The phase of a build, as its builder calls it. */
  | { readonly type: 'setPhase'; readonly phase: string }
  /** What a fetcher that has no numbers says of itself. */
  | { readonly type: 'fetchStatus'; readonly text: string };

/** In the unit of the activity's type. `expected` 0 means that nobody knows. */
export interface ActivityProgress {
  readonly type: 'progress';
  readonly done: number;
  readonly expected: number;
  readonly running: number;
  readonly failed: number;
}

export type ActivityResultType = ActivityResult['type'];

/**
 * Takes messages and activities. Whoever is given one reports to it and knows nothing of what becomes of that; there is
 * no global one. Nothing here throws.
 *
 *     using copying = reporter.startActivity({ type: 'copyPaths', level: 'info', text: `copying ${n} paths` });
 *     for (const path of paths) await copyPath(path, copying);   // what it starts has `copying` as its parent
 */
export interface Reporter {
  /** Whether messages of `level` are shown: asked before work that is done for messages alone. */
  shows(level: Verbosity): boolean;
  log(level: Verbosity, message: LazyText): void;
  /** `message` is shown after `warning: `. */
  warn(message: string): void;
  /** Shows an error that does not end what is being done, as those are shown that do. */
  logError(error: unknown): void;
  /** What is started here is a child of this reporter if that is an activity. Ended by disposing of it. */
  startActivity(start: ActivityStart): Activity;
  /** Keeps progress off the terminal, until disposed of, while somebody else talks to the user there. */
  suspend(): Disposable;
}

/** Something that goes on, and itself the reporter of what is done as part of it. What comes after its end is dropped. */
export interface Activity extends Reporter, Disposable {
  /** See `ActivityProgress`. Cheap enough to be called for every chunk. */
  progress(done: number, expected?: number, running?: number, failed?: number): void;
  setExpected(of: ActivityType, expected: number): void;
  result(result: ActivityResult): void;
  /** A line of a build's output. */
  logLine(line: ByteString): void;
}

export function resolveText(text: LazyText | undefined): string {
  return typeof text === 'function' ? text() : (text ?? '');
}

/** Reports to nobody, at no cost: it makes no objects and asks for no texts. */
export const silentReporter: Activity = {
  shows: () => false,
  log: () => {},
  warn: () => {},
  logError: () => {},
  startActivity: () => silentReporter,
  suspend: () => silentReporter,
  progress: () => {},
  setExpected: () => {},
  result: () => {},
  logLine: () => {},
  [Symbol.dispose]: () => {},
};
