import { type Activity, type Reporter, displayBytes, unreachable } from '../../base/index.ts';
import {
  type LogMessage,
  type ProtocolVersion,
  type WireReader,
  activityTypeOf,
  decodeFields,
  decodeResult,
  readLogMessage,
  verbosityOf,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';

/** Activities of the other side that may go on at a time; what is beyond is not shown. */
const maxActivities = 100_000;

/** Reports here what a daemon says while it works. */
export class RemoteLog implements Disposable {
  readonly #reporter: Reporter;
  readonly #activities = new Map<bigint, Activity>();

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Reads up to the end of the work. Throws `remote/failed` with what the other side says has failed, and `wire/…`. */
  async follow(reader: WireReader, version: ProtocolVersion): Promise<void> {
    for (;;) {
      const message = await readLogMessage(reader, version);
      if (message.kind === 'last') return;
      this.#take(message);
    }
  }

  #take(message: Exclude<LogMessage, { kind: 'last' }>): void {
    switch (message.kind) {
      case 'next':
        return this.#reporter.log('error', displayBytes(message.text).replace(/[\n\r]+$/, ''));
      case 'error':
        throw new StoreError('remote/failed', displayBytes(message.error.message));
      case 'start-activity':
        return this.#start(message);
      case 'stop-activity':
        this.#activities.get(message.id)?.[Symbol.dispose]();
        this.#activities.delete(message.id);
        return;
      case 'result': {
        const result = decodeResult(message);
        if (result !== undefined) this.#activities.get(message.id)?.result(result);
        return;
      }
      case 'read':
      case 'write':
        // Only servers before 2.4 have us send and take data so.
        throw new StoreError('remote/bad-answer', `the daemon's message '${message.kind}' was not asked for`);
      default:
        return unreachable(message);
    }
  }

  #start(message: Extract<LogMessage, { kind: 'start-activity' }>): void {
    if (this.#activities.size >= maxActivities) return;
    const parent = this.#activities.get(message.parent) ?? this.#reporter;
    const activity = parent.startActivity({
      type: activityTypeOf(message.type),
      level: verbosityOf(message.level),
      text: displayBytes(message.text),
      fields: decodeFields(message.fields),
    });
    this.#activities.get(message.id)?.[Symbol.dispose]();
    this.#activities.set(message.id, activity);
  }

  /** Ends what the other side has left going on. */
  [Symbol.dispose](): void {
    for (const activity of [...this.#activities.values()].toReversed()) activity[Symbol.dispose]();
    this.#activities.clear();
  }
}
