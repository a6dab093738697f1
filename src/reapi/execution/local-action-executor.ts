import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { constants } from 'node:os';
import { type ByteString, byteStringFromText, displayBytes, unreachable } from '../../base/index.ts';
import type { Digest, DiskBlobStore } from '../../castore/index.ts';
import {
  type Action,
  ExecError,
  type Executor,
  type Outcome,
  type ReachedLimit,
  type Usage,
} from '../../exec/index.ts';
import { ReapiError } from '../error.ts';
import type { ActionExecutor, ActionJob, Executed, ExecutionOptions } from './action-executor.ts';
import { StoreLinks } from './store-links.ts';
import { ActionFolder } from './action-folder.ts';
import type { ActionPlan } from './action-plan.ts';
import { collectOutputs } from './collect-outputs.ts';
import { ExecutionClock } from './execution-clock.ts';
import { actionSandbox, inputRootPlace } from './action-place.ts';
import { programCandidates } from './find-program.ts';
import { defaultHostPaths } from './host-mounts.ts';
import { innerPath, parentOf } from './inner-path.ts';
import { InnerTree } from './inner-tree.ts';
import { makeResult } from './make-result.ts';
import { OutputSpool } from './output-spool.ts';
import { type PlatformOffer, hostPlatform, requireOffered } from './platform.ts';
import { type Seat, Seats } from './seats.ts';
import { resourceOffer } from './wanted-resources.ts';
import { watchDisk } from './disk-watch.ts';
import { stageInputs } from './stage-inputs.ts';
import { daemonOffer, viewOffer } from './store-wants.ts';
import { type ActionChannels, channelOffer } from './action-channels.ts';
import { type ActionDaemon, type ActionDaemons, daemonSocket } from './action-daemons.ts';
import type { StoreView, StoreViews } from './store-views.ts';

export interface LocalActionSettings {
  /** For `ExecutedActionMetadata`. */
  readonly name: string;
  readonly slots: number;
  readonly offer: PlatformOffer;
  /** Of this machine, shown read-only. */
  readonly hostPaths: readonly string[];
  /** Whether actions have this machine's network. */
  readonly network: boolean;
  /** In milliseconds: of an action that names none, and the longest that one may name. */
  readonly defaultTimeout: number;
  readonly maxTimeout: number;
  /** In bytes, of standard output and standard error together. */
  readonly maxOutput: number;
  /** Files, directories and symlinks of an input root. */
  readonly maxInputs: number;
  /** What actions see of a store that they name store paths of; they can name none unless given. */
  readonly views?: StoreViews | undefined;
  /** Who gives actions daemons of Nix that want one; they can have none unless given. */
  readonly daemons?: ActionDaemons | undefined;
  /** By which actions speak with whoever has them executed; they cannot unless given. */
  readonly channels?: ActionChannels | undefined;
  /** Told of what is wrong with us, and of no action. */
  readonly onFault?: (error: unknown) => void;
}

const hour = 3_600_000;

/** Folders of actions that are being removed while further ones are made. */
const maxRemovals = 64;

export function defaultActionSettings(name: string, slots: number): LocalActionSettings {
  return {
    name,
    slots,
    offer: new Map([...hostPlatform(), ...resourceOffer()]),
    hostPaths: defaultHostPaths,
    network: false,
    defaultTimeout: hour,
    maxTimeout: 24 * hour,
    maxOutput: 256 * 2 ** 20,
    maxInputs: 2_000_000,
  };
}

const text = byteStringFromText;

interface Running {
  readonly job: ActionJob;
  readonly options: ExecutionOptions;
  readonly seat: Seat;
  readonly folder: ActionFolder;
  /** Where the action sees its input root. */
  readonly seenAs: string;
  readonly tree: InnerTree;
  readonly clock: ExecutionClock;
  readonly stdout: OutputSpool;
  readonly stderr: OutputSpool;
}

/** What is made for one run. */
interface RunParts {
  /** In milliseconds. */
  readonly time: number;
  readonly view: StoreView | undefined;
  readonly daemon: ActionDaemon | undefined;
}

/** Executes actions in sandboxes of this machine. Their input roots come from a store, to which their outputs go. */
export class LocalActionExecutor implements ActionExecutor {
  readonly name: string;
  readonly slots: number;
  readonly offer: PlatformOffer;
  readonly #store: DiskBlobStore;
  readonly #executor: Executor;
  readonly #settings: LocalActionSettings;
  readonly #seats = new Seats();
  readonly #links: StoreLinks | undefined;
  readonly #removals = new Set<Promise<void>>();

  /** `executor` stays its owner's. */
  constructor(store: DiskBlobStore, executor: Executor, settings: LocalActionSettings) {
    this.name = settings.name;
    this.slots = settings.slots;
    const { offer, views, daemons, channels } = settings;
    const offersDaemons = views !== undefined && daemons !== undefined;
    this.offer = new Map([
      ...offer,
      ...(views === undefined ? [] : viewOffer),
      ...(offersDaemons ? daemonOffer : []),
      ...(channels === undefined ? [] : channelOffer),
    ]);
    this.#store = store;
    this.#executor = executor;
    this.#settings = settings;
    this.#links = settings.views && new StoreLinks(settings.views.storeDir);
  }

  async execute(job: ActionJob, options: ExecutionOptions): Promise<Executed> {
    options.signal.throwIfAborted();
    const { plan } = job;
    requireOffered(plan.platform, this.offer);
    const timeout = this.#timeoutOf(plan);
    const clock = new ExecutionClock(this.name, job.queuedAt);
    using seat = this.#seats.take();
    if (this.#removals.size >= maxRemovals) await Promise.race(this.#removals);
    const folder = new ActionFolder(this.#store.folder);
    using _removal = { [Symbol.dispose]: () => this.#remove(folder) };
    const seenAs = inputRootPlace(plan);
    const tree = new InnerTree({ root: folder.root, seenAs, owner: seat.owner });
    using stdout = new OutputSpool(`${folder.root}.stdout`);
    using stderr = new OutputSpool(`${folder.root}.stderr`);
    const running: Running = { job, options, seat, folder, seenAs, tree, clock, stdout, stderr };
    clock.begin('inputFetch');
    const inputs = await this.#stage(running);
    await using view = await this.#openView(running, inputs);
    const outcome = await this.#runServed(running, { time: timeout, view });
    // Awaited here: what it reads is disposed of when this function is left.
    return await this.#finish(running, outcome);
  }

  /** Why no actions can be executed here, if so: what to install, to enable or to change. */
  async obstacle(): Promise<string | undefined> {
    const closed = this.#seats.hasOwners ? closedFolder(this.#store.folder.path) : undefined;
    if (closed === undefined) return this.#executor.sandboxObstacle();
    return `actions run as users who cannot pass '${closed}', where the data folder is: let them (chmod o+x), or choose another (--data)`;
  }

  /** While others are executed. */
  #remove(folder: ActionFolder): void {
    const removal = folder[Symbol.asyncDispose]().then(
      () => void this.#removals.delete(removal),
      (error: unknown) => {
        this.#removals.delete(removal);
        // It is removed with the folder of this process at the latest.
        this.#settings.onFault?.(error);
      },
    );
    this.#removals.add(removal);
  }

  /** In milliseconds. Throws `action/malformed`. */
  #timeoutOf({ timeout }: ActionPlan): number {
    const { defaultTimeout, maxTimeout } = this.#settings;
    if (timeout === undefined) return Math.min(defaultTimeout, maxTimeout);
    if (timeout <= maxTimeout) return timeout;
    const message = `the action's timeout of ${timeout / 1000} s is beyond the longest of ${maxTimeout / 1000} s`;
    throw new ReapiError('action/malformed', message);
  }

  async #stage({ job: { plan }, options: { signal }, folder, seat, tree }: Running): Promise<Digest> {
    const { maxInputs: maxNodes } = this.#settings;
    const inputs = await stageInputs(this.#store, plan.inputRoot, {
      path: folder.root,
      owner: seat.owner,
      maxNodes,
      signal,
    });
    tree.makeFolder(plan.workingFolder, 'the action');
    for (const { name, path } of plan.outputs.wanted) tree.makeFolder(parentOf(path), `the output '${name}'`);
    return inputs;
  }

  async #openView({ job, options, seat, folder }: Running, inputs: Digest): Promise<StoreView | undefined> {
    const { views } = this.#settings;
    if (views === undefined || this.#links === undefined) return undefined;
    const { signal } = options;
    const { store: wants, followsLinks } = job.plan;
    const links = followsLinks ? await this.#links.find(this.#store, inputs, { signal }) : new Set<ByteString>();
    if (wants === undefined && links.size === 0) return undefined;
    const { owner } = seat;
    return views.open({ wants, links: Array.from(links, displayBytes), owner, folder: folder.view, signal });
  }

  async #openDaemon(
    { options, seat, folder }: Running,
    view: StoreView | undefined,
  ): Promise<ActionDaemon | undefined> {
    const { daemons } = this.#settings;
    if (daemons === undefined || view?.growing === undefined) return undefined;
    const { paths: closure, show } = view.growing;
    return daemons.open({ closure, show, folder: folder.view, owner: seat.owner, signal: options.signal });
  }

  async #openChannel({ job, options, seat, folder, tree }: Running): Promise<ActionDaemon | undefined> {
    const { channels } = this.#settings;
    const { channel: name } = job.plan;
    if (channels === undefined || name === undefined) return undefined;
    const channel = channels.ofAction(name, job.key);
    const shown = innerPath(channel.place.folder, 'the folder of the channel');
    tree.makeFolder(shown, 'the channel');
    const place = tree.resolve(shown, { followsLast: true });
    if (place.kind !== 'inside') throw new TypeError(`the folder '${shown}' is not there`);
    return channel.begin({
      store: this.#store,
      shownIn: place.real,
      folder: folder.view,
      owner: seat.owner,
      waits: isWaiting => options.waits?.(isWaiting),
    });
  }

  /** When it is left nobody changes the action's files any more. */
  async #runServed(running: Running, { time, view }: Omit<RunParts, 'daemon'>): Promise<Outcome> {
    const { clock } = running;
    await using daemon = (await this.#openChannel(running)) ?? (await this.#openDaemon(running, view));
    if (daemon !== undefined && running.seenAs === '')
      running.tree.makeFolder(innerPath(dirname(daemonSocket).slice(1), 'its folder'), 'the socket of Nix');
    clock.end('inputFetch');
    clock.begin('execution');
    const outcome = await this.#run(running, { time, view, daemon });
    clock.end('execution');
    return outcome;
  }

  async #run(running: Running, more: RunParts): Promise<Outcome> {
    const { job, options, stdout, stderr } = running;
    const action = this.#actionOf(running, more);
    using watched = watchedDisk(running);
    try {
      const outcome = await this.#executor.run(action, {
        signal: watched.signal,
        output: (chunk, stream) => {
          (stream === 'stdout' ? stdout : stderr).write(chunk);
          options.output?.(chunk, stream);
        },
      });
      if (outcome.kind === 'not-executable') {
        const message = `cannot execute '${displayBytes(job.plan.argv[0])}': ${outcome.reason}\n`;
        stderr.write(Buffer.from(message));
      } else for (const limit of outcome.reached ?? []) stderr.write(Buffer.from(describeReached(limit, job.plan)));
      return outcome;
    } catch (cause) {
      if (!(cause instanceof ExecError)) throw cause;
      throw new ReapiError('executor/unavailable', `the action cannot be run here: ${cause.message}`, { cause });
    }
  }

  #actionOf(running: Running, { time, view, daemon }: RunParts): Action {
    const { job, seenAs, folder, seat } = running;
    const { plan } = job;
    const { maxOutput: output, hostPaths, network } = this.#settings;
    const { argv, environment, workingFolder } = plan;
    const programs = programCandidates(argv[0], { environment, workingFolder, seenAs });
    return {
      program: programs.pop() ?? argv[0],
      programsBefore: programs,
      argv,
      environment: daemon === undefined ? environment : new Map([[text('NIX_REMOTE'), text('daemon')], ...environment]),
      workingFolder: text(`${seenAs}/${workingFolder}`),
      place: actionSandbox({ plan, hostPaths, network, root: folder.root, view, daemon, owner: seat.owner }),
      limits: { time, output },
      output: 'two pipes',
    };
  }

  async #finish(running: Running, outcome: Outcome): Promise<Executed> {
    const { job, options, clock, tree } = running;
    const { plan } = job;
    const { signal } = options;
    clock.begin('outputUpload');
    // Until it is disposed of nothing of the result is collected.
    await using batch = this.#store.batch();
    let error = failureOf(outcome, plan);
    const unlessBad = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return error === undefined ? await work() : undefined;
      } catch (cause) {
        if (!(cause instanceof ReapiError)) throw cause;
        error = cause;
        return undefined;
      }
    };
    const outputs = await unlessBad(() => collectOutputs({ tree, outputs: plan.outputs, batch, signal }));
    const add = (spool: OutputSpool): Promise<Digest> | undefined =>
      spool.size === 0 ? undefined : batch.putStream(spool.read(), { signal });
    const stdout = await add(running.stdout);
    const stderr = await add(running.stderr);
    await batch.commit({ signal });
    const left = { stdout, stderr, exitCode: exitCodeOf(outcome) };
    const form = { digestFunction: plan.digestFunction, outputs: plan.outputs, signal };
    const whole = await unlessBad(() => makeResult(this.#store, { ...left, outputs: outputs ?? [] }, form));
    const result = whole ?? (await makeResult(this.#store, { ...left, outputs: [] }, form));
    clock.end('outputUpload');
    result.executionMetadata = clock.finish(outcome.kind === 'not-executable' ? {} : (outcome satisfies Usage));
    if (error !== undefined) return { kind: 'failed', error, result };
    await options.record(result);
    return { kind: 'ended', result };
  }

  /** Resolves when nothing is left of what was executed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#removals);
  }
}

/** The first folder on the way to `path` that keeps strangers out. */
function closedFolder(path: string): string | undefined {
  const outer = dirname(path) === path ? undefined : closedFolder(dirname(path));
  return outer ?? ((statSync(path).mode & 0o001) === 0 ? path : undefined);
}

/** The signal of the action, which is aborted as well when it fills more of the disk than it may. */
function watchedDisk({ job, options, folder }: Running): Disposable & { readonly signal: AbortSignal } {
  const { disk: limit } = job.plan.wanted;
  if (limit === undefined) return { signal: options.signal, [Symbol.dispose]: () => {} };
  const ended = new AbortController();
  const stop = new AbortController();
  const message = `the action filled more of the disk than its ${limit} bytes, and was killed`;
  const exceeded = () => stop.abort(new ReapiError('action/too-much-disk', message));
  void watchDisk([folder.root, folder.view], { limit, signal: ended.signal, exceeded });
  return { signal: AbortSignal.any([options.signal, stop.signal]), [Symbol.dispose]: () => ended.abort() };
}

function describeReached(limit: ReachedLimit, { wanted: { resources } }: ActionPlan): string {
  switch (limit) {
    case 'memory':
      return `a process of the action was killed, since all of it may take ${resources?.memory ?? 0} bytes of memory\n`;
    case 'processes':
      return `the action could not start a process, since it may have ${resources?.processes ?? 0} at a time\n`;
    default:
      return unreachable(limit);
  }
}

function failureOf(outcome: Outcome, { timeout }: ActionPlan): ReapiError | undefined {
  if (outcome.kind !== 'limit-reached') return undefined;
  if (outcome.limit === 'output')
    return new ReapiError('action/too-much-output', 'the action wrote more to its standard streams than it may');
  const given = timeout === undefined ? 'it may take here' : `its timeout of ${timeout / 1000} s`;
  return new ReapiError('action/timed-out', `the action took longer than ${given}, and was killed`);
}

/** As shells tell of what has no exit code. */
function exitCodeOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.status;
    case 'killed':
      return 128 + (constants.signals[outcome.signal] ?? 0);
    case 'not-executable':
      return outcome.errno === 'ENOENT' ? 127 : 126;
    case 'limit-reached':
      return 128 + constants.signals.SIGKILL;
    default:
      return unreachable(outcome);
  }
}
