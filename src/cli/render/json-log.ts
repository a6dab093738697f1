import {
  type ActivityResult,
  type ActivityStart,
  type Verbosity,
  displayBytes,
  resolveText,
  verbosityRank,
} from '../../base/index.ts';
import { type LogField, activityTypes, encodeFields, encodeResult } from '../../nix-compat/index.ts';
import type { LineOutput } from './line-output.ts';
import type { LogView, ShownError } from './log-view.ts';

type JsonScalar = string | number | bigint | null;

type JsonLine = Readonly<Record<string, JsonScalar | readonly JsonScalar[]>>;

/**
 * C++ Nix's log for programs, byte for byte: an object a line, keys in ascending order, ids with the process in their
 * upper half so that those of several processes can share a log.
 */
export class JsonLog implements LogView {
  readonly buildLogs = true;
  readonly #output: LineOutput;
  readonly #firstId: bigint;
  #failed = false;

  constructor(output: LineOutput, pid: number) {
    this.#output = output;
    this.#firstId = BigInt(pid) << 32n;
  }

  log(level: Verbosity, text: string): void {
    this.#line({ action: 'msg', level: verbosityRank(level), msg: text });
  }

  logError({ text, message }: ShownError): void {
    this.#line({ action: 'msg', column: null, file: null, level: 0, line: null, msg: text, raw_msg: message });
  }

  startActivity(id: number, start: ActivityStart, parent: number | undefined): void {
    this.#line({
      action: 'start',
      ...fieldsOf(encodeFields(start.fields)),
      id: this.#id(id),
      level: verbosityRank(start.level ?? 'error'),
      parent: parent === undefined ? 0 : this.#id(parent),
      text: resolveText(start.text),
      type: activityTypes[start.type],
    });
  }

  stopActivity(id: number): void {
    this.#line({ action: 'stop', id: this.#id(id) });
  }

  result(id: number, result: ActivityResult): void {
    const { type, fields } = encodeResult(result);
    this.#line({ action: 'result', ...fieldsOf(fields), id: this.#id(id), type });
  }

  close(): void {
    this.#output.close();
  }

  #id(id: number): bigint {
    return this.#firstId + BigInt(id);
  }

  #line(line: JsonLine): void {
    if (this.#failed) return;
    try {
      this.#output.writeLine(formatLine(line));
    } catch {
      // Half a log is of no use to programs; whoever reads it sees where it ends.
      this.#failed = true;
    }
  }
}

/** Without a list where it would be empty. */
function fieldsOf(fields: readonly LogField[]): JsonLine {
  if (fields.length === 0) return {};
  return { fields: fields.map(field => (typeof field === 'bigint' ? field : displayBytes(field))) };
}

function formatLine(line: JsonLine): string {
  const members = Object.entries(line).map(([key, value]) => `"${key}":${formatValue(value)}`);
  return `{${members.join(',')}}`;
}

/** Ids and counts have more digits than JSON.stringify takes. */
function formatValue(value: JsonLine[string]): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'object' && value !== null) return `[${value.map(formatValue).join(',')}]`;
  return JSON.stringify(typeof value === 'string' ? value.toWellFormed() : value);
}
