import {
  type ActivityProgress,
  type ActivityResult,
  type ActivityStart,
  type ActivityType,
  displayBytes,
  resolveText,
  unreachable,
} from '../../base/index.ts';
import { bold, normal } from './ansi.ts';

type Counts = Omit<ActivityProgress, 'type'>;

const nothing: Counts = { done: 0, expected: 0, running: 0, failed: 0 };

interface RunningActivity {
  readonly type: ActivityType;
  readonly parent: number | undefined;
  /** Text to show, without what it last said. */
  readonly text: string;
  /** What is built, for lines of its output. */
  readonly name: string | undefined;
  readonly visible: boolean;
  /** In milliseconds. */
  readonly startedAt: number;
  readonly expectedByType: Map<ActivityType, number>;
  counts: Counts;
  phase: string;
  lastLine: string;
}

/** Of all activities of one type: those that go on, what the others left behind, what is expected of those to come. */
interface TypeState {
  readonly running: Set<RunningActivity>;
  done: number;
  failed: number;
  expected: number;
}

/** What goes on, as the progress bar counts it. Ids that it does not know are ignored. */
export class ProgressState {
  /** In the order in which they started or, if later, last said something. */
  readonly #activities = new Map<number, RunningActivity>();
  readonly #types = new Map<ActivityType, TypeState>();
  filesLinked = 0;
  bytesLinked = 0;
  corruptedPaths = 0;
  untrustedPaths = 0;

  start(id: number, start: ActivityStart, parent: number | undefined, now: number): void {
    const activity: RunningActivity = {
      type: start.type,
      parent,
      text: describe(start),
      name: nameOfBuild(start),
      visible: !this.#isPartOfAnother(start.type, parent),
      startedAt: now,
      expectedByType: new Map(),
      counts: nothing,
      phase: '',
      lastLine: '',
    };
    this.#activities.set(id, activity);
    this.#typeState(start.type).running.add(activity);
  }

  stop(id: number): void {
    const activity = this.#activities.get(id);
    if (activity === undefined) return;
    this.#activities.delete(id);
    const state = this.#typeState(activity.type);
    state.running.delete(activity);
    state.done += activity.counts.done;
    state.failed += activity.counts.failed;
    for (const [type, expected] of activity.expectedByType) this.#typeState(type).expected -= expected;
  }

  result(id: number, result: ActivityResult): void {
    const activity = this.#activities.get(id);
    if (activity === undefined) return;
    switch (result.type) {
      case 'fileLinked':
        this.filesLinked++;
        this.bytesLinked += result.bytes;
        break;
      case 'untrustedPath':
        this.untrustedPaths++;
        break;
      case 'corruptedPath':
        this.corruptedPaths++;
        break;
      case 'progress':
        activity.counts = result;
        break;
      case 'setExpected':
        this.#typeState(result.of).expected += result.expected - (activity.expectedByType.get(result.of) ?? 0);
        activity.expectedByType.set(result.of, result.expected);
        break;
      case 'buildLogLine':
      case 'postBuildLogLine':
        activity.lastLine = displayBytes(result.line);
        this.#activities.delete(id);
        this.#activities.set(id, activity);
        break;
      case 'setPhase':
        activity.phase = result.phase;
        break;
      case 'fetchStatus':
        activity.lastLine = result.text;
        break;
      default:
        unreachable(result);
    }
  }

  /** What is built by the activity, if anything. */
  buildName(id: number): string | undefined {
    return this.#activities.get(id)?.name;
  }

  /** Of all activities of `type`, ended ones too. */
  totals(type: ActivityType): Counts {
    const state = this.#types.get(type);
    if (state === undefined) return nothing;
    let { done, failed } = state;
    let expected = done;
    let running = 0;
    for (const { counts } of state.running) {
      done += counts.done;
      expected += counts.expected;
      running += counts.running;
      failed += counts.failed;
    }
    return { done, expected: Math.max(expected, state.expected), running, failed };
  }

  /** The latest activity that is worth a line, and when the latest that is too young will be. */
  latest(now: number): { readonly text: string; readonly nextAt: number } {
    let nextAt = Infinity;
    for (const { visible, startedAt, text, lastLine, phase } of [...this.#activities.values()].toReversed()) {
      if (!visible || (text === '' && lastLine === '')) continue;
      if (startedAt + minimumAge >= now) {
        nextAt = Math.min(nextAt, startedAt + minimumAge);
        continue;
      }
      return { text: lineOf({ text, phase, lastLine }), nextAt };
    }
    return { text: '', nextAt };
  }

  /** What is built, fetched and hooked at the moment and worth a line, in the order of its beginning. */
  running(now: number): { readonly text: string; readonly startedAt: number }[] {
    return [...this.#activities.values()]
      .filter(({ type, visible, startedAt }) => visible && worthLines.has(type) && startedAt + minimumAge < now)
      .map(activity => ({ text: lineOf(activity), startedAt: activity.startedAt }))
      .toSorted((a, b) => a.startedAt - b.startedAt);
  }

  /** Whether it only does what an ancestor already tells of. */
  #isPartOfAnother(type: ActivityType, parent: number | undefined): boolean {
    if (type === 'fileTransfer') return this.#hasAncestor(parent, ['copyPath', 'queryPathInfo']);
    return type === 'copyPath' && this.#hasAncestor(parent, ['substitute']);
  }

  #hasAncestor(id: number | undefined, types: readonly ActivityType[]): boolean {
    // Ids grow, so that this ends: a parent started before its children.
    for (let at = id; at !== undefined;) {
      const activity = this.#activities.get(at);
      if (activity === undefined) return false;
      if (types.includes(activity.type)) return true;
      at = activity.parent;
    }
    return false;
  }

  #typeState(type: ActivityType): TypeState {
    const known = this.#types.get(type);
    if (known !== undefined) return known;
    const made = { running: new Set<RunningActivity>(), done: 0, failed: 0, expected: 0 };
    this.#types.set(type, made);
    return made;
  }
}

/** Types of activities of which several go on side by side. */
const worthLines: ReadonlySet<ActivityType> = new Set([
  'build',
  'substitute',
  'copyPath',
  'postBuildHook',
  'fetchTree',
]);

function lineOf({ text, phase, lastLine }: Pick<RunningActivity, 'text' | 'phase' | 'lastLine'>): string {
  const head = phase === '' ? text : `${text} (${phase})`;
  return lastLine === '' ? head : text === '' ? `${head}${lastLine}` : `${head}: ${lastLine}`;
}

/** Milliseconds that an activity must last to be shown: most are over at once. */
const minimumAge = 10;

function describe({ type, text, fields = [] }: ActivityStart): string {
  const path = String(fields[0] ?? '');
  const where = String(fields[1] ?? '');
  if (type === 'build') return `building ${emphasise(builtName(path))}${where === '' ? '' : ` on ${emphasise(where)}`}`;
  if (type === 'postBuildHook') return `post-build ${emphasise(builtName(path))}`;
  if (type === 'queryPathInfo') return `querying ${emphasise(pathName(path))} on ${where}`;
  if (type !== 'substitute') return resolveText(text);
  return `${where.startsWith('local') ? 'copying' : 'fetching'} ${emphasise(pathName(path))} from ${where}`;
}

function emphasise(name: string): string {
  return `${bold}${name}${normal}`;
}

function nameOfBuild({ type, fields = [] }: ActivityStart): string | undefined {
  if (type !== 'build' && type !== 'postBuildHook') return undefined;
  // The version starts with the first dash that no letter follows.
  return builtName(String(fields[0] ?? '')).replace(/-[^A-Za-z].*$/s, '');
}

/** What comes after the hash of a store path. */
function pathName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1);
  const dash = base.indexOf('-');
  return dash < 0 ? '' : base.slice(dash + 1);
}

function builtName(path: string): string {
  return pathName(path).replace(/\.drv$/, '');
}
