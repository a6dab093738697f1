import {
  type Activity,
  type ByteString,
  FirnError,
  brandAs,
  byteStringFromText,
  byteStringOf,
  displayBytes,
  messageOf,
} from '../../base/index.ts';
import {
  type JsonObject,
  type JsonValue,
  type LogField,
  activityTypeOf,
  activityTypes,
  decodeFields,
  decodeResult,
  isJsonArray,
  isJsonObject,
  jsonTypeOf,
  parseJson,
  verbosityOf,
} from '../../nix-compat/index.ts';
import { LineSplitter } from './line-splitter.ts';

/** Activities that a builder has going at a time. */
const maxActivities = 1000;

const prefix = '@nix ';
const carriageReturn = 13;

/**
 * What a builder writes, line by line: reported as lines of its log, or as what they say where they are messages of the
 * form `@nix {...}` ("internal-json" logs). A carriage return goes back to the line's start, as on terminals.
 */
export class BuilderOutput implements Disposable {
  readonly #activity: Activity;
  readonly #maxTail: number;
  readonly #tail: ByteString[] = [];
  readonly #activities = new Map<bigint, Activity>();
  readonly #lines = new LineSplitter(line => this.#takeLine(line));

  /** `tailLength` is how many lines are kept for the message of a failure. */
  constructor(activity: Activity, tailLength: number) {
    this.#activity = activity;
    this.#maxTail = tailLength;
  }

  /** The last lines that were no messages. */
  get tail(): readonly ByteString[] {
    return this.#tail;
  }

  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void {
    this.#lines.write(chunk);
  }

  /** Takes what has no end of line for one. */
  finish(): void {
    this.#lines.finish();
  }

  #takeLine(bytes: Uint8Array): void {
    const line = overwrite(bytes);
    if (line.startsWith(prefix) && this.#takeMessage(brandAs<ByteString>(line.slice(prefix.length)))) return;
    this.#activity.logLine(line);
    this.#tail.push(line);
    if (this.#tail.length > this.#maxTail) this.#tail.shift();
  }

  /** Whether `text` is a message. */
  #takeMessage(text: ByteString): boolean {
    let message: JsonValue;
    try {
      message = parseJson(text);
    } catch (error) {
      if (!(error instanceof FirnError)) throw error;
      this.#activity.log('error', `bad JSON log message from the derivation builder: ${messageOf(error)}`);
      return false;
    }
    try {
      this.#act(new Message(message));
      return true;
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#activity.warn(`Unable to handle a JSON message from the derivation builder: ${error.message}`);
      return false;
    }
  }

  #act(message: Message): void {
    switch (message.text('action')) {
      case 'start':
        return this.#start(message);
      case 'stop': {
        const id = message.number('id');
        this.#activities.get(id)?.[Symbol.dispose]();
        this.#activities.delete(id);
        return;
      }
      case 'result': {
        const activity = this.#activities.get(message.number('id'));
        if (activity === undefined) return;
        const result = decodeResult({ type: Number(message.number('type')), fields: message.fields() });
        if (result !== undefined) activity.result(result);
        return;
      }
      case 'setPhase':
        return this.#activity.result({ type: 'setPhase', phase: displayBytes(message.text('phase')) });
      case 'msg':
        return this.#activity.log(verbosityOf(Number(message.number('level'))), displayBytes(message.text('msg')));
    }
  }

  /** Nobody trusts a builder to tell of anything but downloads. */
  #start(message: Message): void {
    const type = Number(message.number('type'));
    if (type !== activityTypes.fileTransfer || this.#activities.size >= maxActivities) return;
    const id = message.number('id');
    if (this.#activities.has(id)) return;
    const activity = this.#activity.startActivity({
      type: activityTypeOf(type),
      level: verbosityOf(Number(message.number('level'))),
      text: displayBytes(message.text('text')),
      fields: decodeFields(message.fields()),
    });
    this.#activities.set(id, activity);
  }

  [Symbol.dispose](): void {
    for (const activity of this.#activities.values()) activity[Symbol.dispose]();
    this.#activities.clear();
  }
}

/** What a terminal would show: after a carriage return the line is written over, and ends where the last writing ended. */
function overwrite(bytes: Uint8Array): ByteString {
  if (!bytes.includes(carriageReturn)) return byteStringOf(bytes);
  const line = new Uint8Array(bytes.byteLength);
  let at = 0;
  for (const byte of bytes) {
    if (byte === carriageReturn) at = 0;
    else line[at++] = byte;
  }
  return byteStringOf(line.subarray(0, at));
}

/** Its message is that of the JSON library that C++ Nix uses. */
class BadMessage extends FirnError<'message/wrong-type'> {
  constructor(wanted: string, value: JsonValue | undefined) {
    const found = value === undefined ? 'null' : jsonTypeOf(value);
    super('message/wrong-type', `[json.exception.type_error.302] type must be ${wanted}, but is ${found}`);
  }
}

class Message {
  readonly #object: JsonObject;

  constructor(value: JsonValue) {
    if (!isJsonObject(value)) {
      throw new BadMessage('object', value);
    }
    this.#object = value;
  }

  text(key: string): ByteString {
    const value = this.#get(key);
    if (typeof value !== 'string') throw new BadMessage('string', value);
    return value;
  }

  number(key: string): bigint {
    const value = this.#get(key);
    if (typeof value === 'bigint') return BigInt.asUintN(64, value);
    if (typeof value === 'number' && Number.isFinite(value)) return BigInt.asUintN(64, BigInt(Math.trunc(value)));
    throw new BadMessage('number', value);
  }

  /** None where there is no such member. */
  fields(): LogField[] {
    const value = this.#get('fields');
    if (value === undefined || !isJsonArray(value)) return [];
    return value.map(field => {
      if (typeof field === 'bigint' && field >= 0n) return field;
      if (typeof field === 'string') return field;
      throw new BadMessage('number or string', field);
    });
  }

  #get(key: string): JsonValue | undefined {
    return this.#object.get(byteStringFromText(key));
  }
}
