import {
  type ActivityResult,
  type ActivityStart,
  type ReportSink,
  type Verbosity,
  byteStringFromText,
  messageOf,
  resolveText,
  silentReporter,
  verbosityRank,
} from '../base/index.ts';
import {
  type LogMessage,
  type ProtocolVersion,
  WireWriter,
  activityTypes,
  encodeFields,
  encodeResult,
  knowsActivities,
  writeLogMessage,
} from '../nix-compat/index.ts';
import type { ByteChannel } from '../store/index.ts';

/** Bytes that may wait for a client that does not read: what is reported beyond is not sent. Logs of builds are kept anyway. */
const maxWaiting = 16 * 1024 * 1024;

/**
 * Passes on to a client what is reported while something is done for it. Between requests nothing may be sent: what is
 * reported then belongs to work that was called off, and is dropped.
 */
export class WorkerLog implements ReportSink {
  readonly #channel: ByteChannel;
  readonly #version: ProtocolVersion;
  /** Whether the client expects messages. */
  isOpen = false;
  /** Messages that are less important are not sent. */
  verbosity: Verbosity = 'info';

  constructor(channel: ByteChannel, version: ProtocolVersion) {
    this.#channel = channel;
    this.#version = version;
  }

  shows(level: Verbosity): boolean {
    return verbosityRank(level) <= verbosityRank(this.verbosity);
  }

  log(_level: Verbosity, text: string): void {
    this.#send({ kind: 'next', text: byteStringFromText(`${text}\n`) });
  }

  warn(text: string): void {
    if (this.shows('warn')) this.log('warn', `warning: ${text}`);
  }

  logError(error: unknown): void {
    this.log('error', `error: ${messageOf(error)}`);
  }

  startActivity(id: number, start: ActivityStart, parent: number | undefined): void {
    const text = resolveText(start.text);
    const level = start.level ?? 'error';
    if (!knowsActivities(this.#version)) {
      if (text !== '' && this.shows(level)) this.log(level, `${text}...`);
      return;
    }
    this.#send({
      kind: 'start-activity',
      id: wireId(id),
      level: verbosityRank(level),
      type: activityTypes[start.type],
      text: byteStringFromText(text),
      fields: encodeFields(start.fields),
      parent: parent === undefined ? 0n : wireId(parent),
    });
  }

  stopActivity(id: number): void {
    if (knowsActivities(this.#version)) this.#send({ kind: 'stop-activity', id: wireId(id) });
  }

  result(id: number, result: ActivityResult): void {
    if (!knowsActivities(this.#version)) return;
    // The next says the same of more.
    if (result.type === 'progress' && this.#channel.isCongested) return;
    this.#send({ kind: 'result', id: wireId(id), ...encodeResult(result) });
  }

  suspend(): Disposable {
    return silentReporter;
  }

  #send(message: LogMessage): void {
    if (!this.isOpen || this.#channel.waitingSize > maxWaiting) return;
    const writer = new WireWriter();
    writeLogMessage(writer, this.#version, message);
    this.#channel.write(writer.take());
  }
}

/** 0 stands for no activity. */
function wireId(id: number): bigint {
  return BigInt(id) + 1n;
}
