import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText, errnoOf, untilAborted } from '../../base/index.ts';
import {
  type CallOptions,
  type DiskBlobStore,
  type Node,
  checkoutTree,
  formatForeignDigest,
  isEntryName,
  lockAgainstCollection,
  removeTreeAtEase,
} from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { type ByteChannel, ChannelSocket } from '../../store/index.ts';
import type { ActionKey } from '../action-cache/action-cache.ts';
import { ReapiError } from '../error.ts';
import { Changes, Waiter } from '../queue/changes.ts';
import type { ActionDaemon } from './action-daemons.ts';
import { stagingStyle } from './stage-inputs.ts';

/** What an action has of its channel. */
export interface ChannelEnd {
  readonly store: DiskBlobStore;
  /** The folder in which trees are shown, on this machine's disk: it is there, and the action has not begun. */
  readonly shownIn: string;
  /** A folder of the action's own that it does not see, which its owner can get through; to be made where it is needed. */
  readonly folder: string;
  readonly owner: UserIds | undefined;
  /** Told whether the action waits for its client. */
  readonly waits: (isWaiting: boolean) => void;
}

export interface ChannelPlace {
  readonly instance: string;
  /** Where trees are shown, as its client calls that: below the input root. */
  readonly folder: string;
}

interface OpenEnd extends ChannelEnd {
  /** Of the folder in which trees are shown. */
  readonly fd: number;
  /** Aborted when the action has ended. */
  readonly ended: AbortSignal;
}

/** A connection that a program of the action has made, until somebody serves it. */
interface Pending {
  readonly channel: ByteChannel;
  readonly end: () => void;
}

/**
 * What an action and whoever has it executed speak by, as long as the latter keeps it open: its client is told of the
 * connections that programs of the action make, serves them, and shows it trees.
 */
export class ActionChannel implements Disposable {
  readonly place: ChannelPlace;
  /** Connections that its client has not been told of. */
  readonly #untold = new Set<number>();
  readonly #changes = new Changes();
  readonly #pending = new Map<number, Pending>();
  readonly #closed = new AbortController();
  #serial = 0;
  /** Which was the first to be executed with its name. */
  #action: string | undefined;
  /** What is being shown: by the descriptor of the folder, which nobody must use once it is another's. */
  readonly #shows = new Set<Promise<void>>();
  #end: OpenEnd | undefined;
  #isTaken = false;

  constructor(place: ChannelPlace) {
    this.place = place;
  }

  /** The connections that programs of the action make, as they do. */
  async *connections(signal: AbortSignal): AsyncGenerator<number, void> {
    using waiter = new Waiter(signal);
    for (;;) {
      const [connection] = this.#untold;
      if (connection === undefined) await waiter.until(this.#changes.next);
      else {
        this.#untold.delete(connection);
        yield connection;
      }
    }
  }

  /** Whether it is this action's: of those that name it, the one that is asked for first, before others can know of it. */
  claim({ instance, action }: ActionKey): boolean {
    if (instance !== this.place.instance) return false;
    const named = formatForeignDigest(action);
    this.#action ??= named;
    return this.#action === named;
  }

  /** For the action's executor: the socket for its programs. Throws `channel/unknown` where another action has it, and the system's errors. */
  async begin(end: ChannelEnd): Promise<ActionDaemon> {
    if (this.#isTaken || this.#closed.signal.aborted) {
      throw new ReapiError('channel/unknown', 'the channel that the action names is another’s, or was closed');
    }
    this.#isTaken = true;
    const { owner } = end;
    const folder = join(end.folder, 'channel');
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    await using resources = new AsyncDisposableStack();
    // By this the folder is reached, whatever the action puts in its place.
    const fd = openSync(end.shownIn, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const ended = new AbortController();
    resources.defer(async () => {
      this.#end = undefined;
      ended.abort(new ReapiError('channel/unknown', 'the action has ended that was to be shown something'));
      while (this.#shows.size > 0) await Promise.allSettled(this.#shows);
      closeSync(fd);
    });
    const name = 'socket';
    const serve = (channel: ByteChannel, signal: AbortSignal) => this.#offer(channel, signal);
    resources.use(await ChannelSocket.listen({ folder, name, owner, serve }));
    this.#end = { ...end, fd, ended: ended.signal };
    const owned = resources.move();
    return { socket: join(folder, name), [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  /** Until whoever serves it is done. */
  async #offer(channel: ByteChannel, signal: AbortSignal): Promise<void> {
    const served = Promise.withResolvers<void>();
    const connection = this.#serial++;
    this.#pending.set(connection, { channel, end: () => served.resolve() });
    try {
      this.#untold.add(connection);
      this.#changes.announce();
      await untilAborted(served.promise, AbortSignal.any([signal, this.#closed.signal]));
    } finally {
      this.#untold.delete(connection);
      this.#pending.delete(connection);
    }
  }

  /** A connection that nobody serves yet, as long as it is not disposed of; undefined for one that there is not any more. */
  take(connection: number): (Disposable & { readonly channel: ByteChannel }) | undefined {
    const pending = this.#pending.get(connection);
    if (pending === undefined) return undefined;
    this.#pending.delete(connection);
    return { channel: pending.channel, [Symbol.dispose]: () => pending.end() };
  }

  /**
   * Has the action see a tree. The action may do to it what it likes; what it has put there itself stays. Throws
   * `channel/unknown` where no action is executed that has it, `blob/missing`.
   */
  async show(name: string, node: Node, { signal }: CallOptions = {}): Promise<void> {
    if (!isEntryName(byteStringFromText(name))) {
      throw new ReapiError('action/malformed', `'${name.slice(0, 300)}' names nothing that could be shown`);
    }
    const end = this.#end;
    if (end === undefined)
      throw new ReapiError('channel/unknown', 'no action is executed that could be shown anything');
    const signals = signal === undefined ? [end.ended] : [end.ended, signal];
    const showing = this.#show(end, { name, node, signal: AbortSignal.any(signals) });
    this.#shows.add(showing);
    try {
      await showing;
    } catch (error) {
      end.ended.throwIfAborted();
      throw error;
    } finally {
      this.#shows.delete(showing);
    }
  }

  async #show(
    end: OpenEnd,
    { name, node, signal }: { readonly name: string; readonly node: Node; readonly signal: AbortSignal },
  ): Promise<void> {
    const { store, owner, fd } = end;
    const folder = join(end.folder, 'shown');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Several may be shown the same.
    const at = join(folder, `${this.#serial++}`);
    using _lock = await lockAgainstCollection(store.folder, 'shared', signal);
    await checkoutTree(store, node, at, { ...stagingStyle(store, owner), signal });
    try {
      signal.throwIfAborted();
      moveTo(at, `/proc/self/fd/${fd}/${name}`);
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    } finally {
      await removeTreeAtEase(at);
    }
  }

  /** Whether the action waits for what its client does for it. */
  waits(isWaiting: boolean): void {
    this.#end?.waits(isWaiting);
  }

  /** Nobody serves the action any more. */
  [Symbol.dispose](): void {
    this.#closed.abort(new Error('the client of the action is gone'));
  }
}

/** Where something is already, it stays. */
function moveTo(from: string, to: string): void {
  if (lstatSync(from).isDirectory()) {
    // A folder that is not writable cannot be given another parent.
    chmodSync(from, 0o755);
    renameSync(from, to);
  } else {
    // To rename it would replace what is there.
    linkSync(from, to);
    unlinkSync(from);
  }
}
