import { closeSync, realpathSync, write, writeSync } from 'node:fs';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import {
  type ByteString,
  byteStringFromText,
  errnoOf,
  makePipe,
  messageOf,
  setNonBlocking,
  unreachable,
} from '../base/index.ts';
import { isEntryName } from '../castore/index.ts';
import { FuseError } from './error.ts';
import { removeStaleMount } from './mounting/mount-table.ts';
import { type OpenMount, openMount } from './mounting/open-mount.ts';
import type { NodeSource, SourceOptions } from './node-source.ts';
import { entryInvalidation, inodeInvalidation } from './protocol/notify.ts';
import { rootId } from './protocol/request.ts';
import { readAhead } from './mounting/read-ahead.ts';
import {
  type Answer,
  type Order,
  type Question,
  type QuestionId,
  type Report,
  type RootContents,
  type ServingSettings,
  type ViewContents,
  type ViewOwner,
  endRequested,
  orderCount,
} from './serving/messages.ts';
import { startServing } from './serving/start-serving.ts';

export interface FuseMountOptions {
  /** An existing folder, absolute. */
  readonly mountPoint: string;
  /** Whose blobs are read; somebody has it open. */
  readonly dataFolder: string;
  /** `views` unless given: folders that come and go by `addView`. */
  readonly root?: RootContents;
  /** Where that is had which is not in the data folder. */
  readonly source: NodeSource;
  /** Whether other users see it, too: as root, unless given. */
  readonly allowOther?: boolean;
  /** In milliseconds: how long a read waits for a source that says nothing; a minute unless given. */
  readonly patience?: number;
}

/** A view for as long as it is not disposed of. */
export interface HeldView extends AsyncDisposable {
  /** The folder that shows it. */
  readonly path: string;
}

const defaultPatience = 60_000;

/**
 * File trees of a castore as a mounted file system that can only be read. A thread of its own serves it; questions to the
 * source are answered on the thread that made it. It is taken away at disposal, or when the process exits.
 *
 * A program on the mount may be started from any thread, this one too; synchronous calls that need what is not local wait
 * for ever if they are made on this thread, since it is this thread that fetches.
 */
export class FuseMount implements AsyncDisposable {
  readonly mountPoint: string;
  /** Resolves when it has been unmounted, whoever did that. */
  readonly ended: Promise<void>;
  readonly #mount: OpenMount;
  readonly #port: MessagePort;
  readonly #wakeUp: number;
  readonly #signals: Int32Array;
  readonly #source: NodeSource;
  readonly #questions = new Map<QuestionId, AbortController>();
  readonly #held = new Map<ByteString, number>();
  readonly #onExit = () => this.#leaveAtOnce();
  #hasEnded = false;
  /** Whether whoever owns it is taking it away. */
  #isLeaving = false;

  /** Resolves when it can be used. Throws `fuse/…` errors. */
  static async mount(options: FuseMountOptions): Promise<FuseMount> {
    const mountPoint = realpathIfPossible(options.mountPoint);
    const opened = openMount({ mountPoint, allowOther: options.allowOther ?? process.geteuid?.() === 0 });
    const mount = new FuseMount(mountPoint, opened, options);
    try {
      await mount.#ready;
      await readAhead(mountPoint);
      return mount;
    } catch (error) {
      await mount[Symbol.asyncDispose]();
      throw error;
    }
  }

  readonly #ready: Promise<void>;

  private constructor(mountPoint: string, mount: OpenMount, options: FuseMountOptions) {
    const { dataFolder, source, root = 'views', patience = defaultPatience } = options;
    this.mountPoint = mountPoint;
    this.#mount = mount;
    this.#source = source;
    const pipe = makePipe();
    setNonBlocking(pipe.readEnd);
    setNonBlocking(pipe.writeEnd);
    this.#wakeUp = pipe.writeEnd;
    const signals = new SharedArrayBuffer(8);
    this.#signals = new Int32Array(signals);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const settings: ServingSettings = {
      device: mount.device,
      wakeUp: pipe.readEnd,
      dataFolder,
      root,
      patience,
      signals,
      port: port2,
      user: process.geteuid?.() ?? 0,
      group: process.getegid?.() ?? 0,
    };
    const thread = startServing(settings);
    const ready = Promise.withResolvers<void>();
    this.#ready = ready.promise;
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    port1.on('message', (report: Report) => {
      if (report.kind === 'ready') ready.resolve();
      else this.#take(report);
    });
    let failure: unknown;
    thread.on('error', error => (failure = error));
    thread.on('exit', () => {
      this.#hasEnded = true;
      for (const controller of this.#questions.values()) controller.abort();
      closeSync(pipe.readEnd);
      closeSync(pipe.writeEnd);
      closeSync(mount.device);
      process.off('exit', this.#onExit);
      this.#port.close();
      // It was unmounted by somebody, or its thread has failed: then the dead mount goes, too.
      if (!this.#isLeaving) removeStaleMount(mountPoint);
      ready.reject(new FuseError('fuse/ended', `nobody serves '${mountPoint}'`, { cause: failure }));
      ended.resolve();
    });
    process.on('exit', this.#onExit);
  }

  /** The folder of a view. */
  pathOf(name: string): string {
    return `${this.mountPoint}/${name}`;
  }

  /**
   * Shows a view below the mount point: it is there when this returns. Entries are in ascending order. Throws
   * `fuse/bad-view` for names that no folder can have, and where one view is all that is mounted.
   */
  addView(name: string, contents: ViewContents, owner?: ViewOwner): void {
    this.#order({ kind: 'add view', name: this.#viewName(name), contents, owner });
    this.#forgetListing();
  }

  /** Resolves when nobody finds it any more; who is in it stays there. */
  async removeView(name: string): Promise<void> {
    const viewName = this.#viewName(name);
    this.#order({ kind: 'remove view', name: viewName });
    this.#forgetListing();
    if (this.#hasEnded) return;
    await this.#notify(entryInvalidation(rootId, viewName));
  }

  /** Shows a view while anybody holds it; holders of one name mean the same contents. */
  holdView(name: string, contents: ViewContents, owner?: ViewOwner): HeldView {
    const key = this.#viewName(name);
    const holders = this.#held.get(key) ?? 0;
    if (holders === 0) this.addView(name, contents, owner);
    this.#held.set(key, holders + 1);
    let isHeld = true;
    return {
      path: this.pathOf(name),
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (this.#held.get(key) ?? 1) - 1;
        if (left > 0) this.#held.set(key, left);
        else {
          this.#held.delete(key);
          await this.removeView(name);
        }
      },
    };
  }

  #viewName(name: string): ByteString {
    const viewName = byteStringFromText(name);
    if (isEntryName(viewName) && viewName.length <= 255) return viewName;
    throw new FuseError('fuse/bad-view', `'${name}' cannot name a view`);
  }

  #order(order: Order): void {
    if (this.#hasEnded) return;
    this.#port.postMessage(order, []);
    Atomics.add(this.#signals, orderCount, 1);
    this.#wake();
  }

  /** The kernel has kept which views there are. */
  #forgetListing(): void {
    if (this.#hasEnded) return;
    try {
      writeSync(this.#mount.device, inodeInvalidation(rootId));
    } catch (error) {
      if (!isForgotten(error)) throw error;
    }
  }

  #wake(): void {
    try {
      writeSync(this.#wakeUp, Buffer.alloc(1));
    } catch (error) {
      // A full pipe wakes it just as well.
      if (errnoOf(error) !== 'EAGAIN' && errnoOf(error) !== 'EPIPE') throw error;
    }
  }

  /** From Node's pool of threads: it waits for look-ups under way, which may wait for us. */
  #notify(message: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      write(this.#mount.device, message, error => {
        if (error === null || isForgotten(error)) resolve();
        else reject(error);
      });
    });
  }

  #take(report: Exclude<Report, { readonly kind: 'ready' }>): void {
    switch (report.kind) {
      case 'question':
        void this.#answer(report.id, report.question);
        break;
      case 'withdrawn':
        this.#questions.get(report.id)?.abort();
        this.#questions.delete(report.id);
        break;
      case 'problem':
        this.#source.reportProblem(report.problem);
        break;
      case 'ended':
        break;
      default:
        unreachable(report);
    }
  }

  async #answer(id: QuestionId, question: Question): Promise<void> {
    const controller = new AbortController();
    this.#questions.set(id, controller);
    let answer: Answer;
    try {
      const progress = () => this.#order({ kind: 'progress', id });
      answer = await this.#ask(question, { signal: controller.signal, progress });
    } catch (error) {
      answer = { kind: 'failed', message: messageOf(error) };
    }
    // Withdrawn meanwhile, unless it is still there.
    if (this.#questions.delete(id)) this.#order({ kind: 'answer', id, answer });
  }

  async #ask(question: Question, options: SourceOptions): Promise<Answer> {
    const source = this.#source;
    switch (question.kind) {
      case 'blob': {
        const { digest, isDamaged, view } = question;
        return { kind: 'blob', bytes: await source.fetchBlob(digest, { ...options, isDamaged, view }) };
      }
      case 'name':
        return { kind: 'name', node: await source.resolveName?.(question.view, question.name, options) };
      case 'listing':
        return { kind: 'listing', entries: (await source.listNames?.(question.view, options)) ?? [] };
      default:
        return unreachable(question);
    }
  }

  /** First the name goes, if nobody uses it; then the connection ends, so that nobody waits for ever; then the name goes anyway. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    this.#isLeaving = true;
    const isGone = this.#unmount(false);
    this.#requestEnd();
    await this.ended;
    if (!isGone) this.#unmount(true);
  }

  #requestEnd(): void {
    Atomics.store(this.#signals, endRequested, 1);
    this.#wake();
  }

  /** False where it is in use. */
  #unmount(lazily: boolean): boolean {
    try {
      this.#mount.unmount({ lazily });
      return true;
    } catch (error) {
      // Not mounted: somebody else was faster.
      if (errnoOf(error) === 'EINVAL') return true;
      if (!lazily) return false;
      throw error;
    }
  }

  /** The process is exiting: threads are waited for, and this one must hear of it first. */
  #leaveAtOnce(): void {
    this.#requestEnd();
    try {
      this.#mount.unmount({ lazily: true });
    } catch {
      // It is dead without us, and whoever mounts there next takes it away.
    }
  }
}

/** Whether the kernel has nothing to forget: it does not know what a notice is of, or nothing is mounted. */
function isForgotten(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENODEV', 'ECONNABORTED'].includes(errnoOf(error) ?? '');
}

/** The kernel's table has places without symlinks. */
function realpathIfPossible(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    // Not there, or a mount of ours that is dead: told apart later.
    return path;
  }
}
