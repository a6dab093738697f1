import {
  type Activity,
  type ByteString,
  FirnError,
  type Reporter,
  brandAs,
  byteStringFromText,
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

/** Activities that a program has going at a time. */
const maxActivities = 1000;

const prefix = '@nix ';

export interface LogMessagesOptions {
  /** What messages are reported to. */
  readonly reporter: Reporter;
  /** Told of the phases of what the program does, if that is an activity. */
  readonly activity?: Activity;
  /** What messages call the program that writes them: `the derivation builder`. */
  readonly source: string;
  /** Whether it may tell of all activities. Nobody trusts a builder to tell of anything but downloads. */
  readonly isTrusted: boolean;
}

/** What programs say in lines of the form `@nix {...}` ("internal-json" logs), reported as what they say. */
export class LogMessages implements Disposable {
  readonly #options: LogMessagesOptions;
  readonly #activities = new Map<bigint, Activity>();

  constructor(options: LogMessagesOptions) {
    this.#options = options;
  }

  /** Whether `line` is a message. */
  take(line: ByteString): boolean {
    if (!line.startsWith(prefix)) return false;
    const { reporter, source } = this.#options;
    let message: JsonValue;
    try {
      message = parseJson(brandAs<ByteString>(line.slice(prefix.length)));
    } catch (error) {
      if (!(error instanceof FirnError)) throw error;
      reporter.log('error', `bad JSON log message from ${source}: ${messageOf(error)}`);
      return false;
    }
    try {
      this.#act(new Message(message));
      return true;
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      reporter.warn(`Unable to handle a JSON message from ${source}: ${error.message}`);
      return false;
    }
  }

  #act(message: Message): void {
    const { reporter, activity } = this.#options;
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
        const under = this.#activities.get(message.number('id'));
        if (under === undefined) return;
        const result = decodeResult({ type: Number(message.number('type')), fields: message.fields() });
        if (result !== undefined) under.result(result);
        return;
      }
      case 'setPhase':
        return activity?.result({ type: 'setPhase', phase: displayBytes(message.text('phase')) });
      case 'msg':
        return reporter.log(verbosityOf(Number(message.number('level'))), displayBytes(message.text('msg')));
    }
  }

  #start(message: Message): void {
    const { reporter, isTrusted } = this.#options;
    const type = Number(message.number('type'));
    if ((!isTrusted && type !== activityTypes.fileTransfer) || this.#activities.size >= maxActivities) return;
    const id = message.number('id');
    if (this.#activities.has(id)) return;
    const started = reporter.startActivity({
      type: activityTypeOf(type),
      level: verbosityOf(Number(message.number('level'))),
      text: displayBytes(message.text('text')),
      fields: decodeFields(message.fields()),
    });
    this.#activities.set(id, started);
  }

  [Symbol.dispose](): void {
    for (const activity of this.#activities.values()) activity[Symbol.dispose]();
    this.#activities.clear();
  }
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
