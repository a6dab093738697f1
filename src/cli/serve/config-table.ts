import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { TomlArray, TomlTable, TomlValue } from '../../eval/index.ts';
import { isTable } from '../../eval/index.ts';
import { CliError } from '../error.ts';

/** A table of a configuration file, whose members are taken one by one; what nobody takes is refused, so that no typo is passed over. */
export class ConfigTable {
  readonly #table: TomlTable;
  /** For messages: the file, and the table's name in it. */
  readonly #place: string;
  readonly #taken = new Set<string>();

  constructor(table: TomlTable, place: string) {
    this.#table = table;
    this.#place = place;
  }

  string(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw this.wrong(name, 'a string');
    return displayBytes(brandAs<ByteString>(value));
  }

  /** Whole, from 0 on. */
  count(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'bigint' || value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.wrong(name, 'a whole number from 0 on');
    }
    return Number(value);
  }

  boolean(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value !== undefined && typeof value !== 'boolean') throw this.wrong(name, 'true or false');
    return value;
  }

  /** One string counts as a list of it. */
  strings(name: string): string[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    const items = typeof value === 'string' ? [value] : isArray(value) ? value.items : undefined;
    if (items === undefined) throw this.wrong(name, 'a list of strings');
    return items.map(item => {
      if (typeof item !== 'string') throw this.wrong(name, 'a list of strings');
      return displayBytes(brandAs<ByteString>(item));
    });
  }

  table(name: string): ConfigTable | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (!isTable(value)) throw this.wrong(name, 'a table');
    return new ConfigTable(value, `${this.#place}: [${name}]`);
  }

  /** Of all members. */
  names(): string[] {
    return Array.from(this.#table.members.keys(), name => displayBytes(name));
  }

  /** Of `[[name]]`. */
  tables(name: string): ConfigTable[] {
    const value = this.#take(name);
    if (value === undefined) return [];
    if (!isArray(value)) throw this.wrong(name, `tables, each below [[${name}]]`);
    return value.items.map((item, i) => {
      if (!isTable(item)) throw this.wrong(name, `tables, each below [[${name}]]`);
      return new ConfigTable(item, `${this.#place}: [[${name}]] number ${i + 1}`);
    });
  }

  /** Throws `config/malformed` where something is left that nobody took. */
  finish(): void {
    for (const name of this.#table.members.keys()) {
      if (this.#taken.has(name)) continue;
      const known = [...this.#taken].join(', ');
      throw new CliError(
        'config/malformed',
        `${this.#place}: nothing is called '${displayBytes(name)}', there are ${known}`,
      );
    }
  }

  /** An error about a member: what it has to be. */
  wrong(name: string, wanted: string): CliError {
    return new CliError('config/malformed', `${this.#place}: '${name}' is not ${wanted}`);
  }

  #take(name: string): TomlValue | undefined {
    this.#taken.add(name);
    return this.#table.members.get(brandAs<ByteString>(name))?.value;
  }
}

function isArray(value: TomlValue): value is TomlArray {
  return typeof value === 'object' && value.kind === 'array';
}
