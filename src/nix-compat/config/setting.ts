import { type ByteString, byteStringFromText } from '../../base/index.ts';
import type { JsonObject, JsonValue } from '../json/json-value.ts';
import type { ExperimentalFeature } from './experimental-features.ts';
import type { SettingType } from './setting-type.ts';

export interface SettingOptions {
  /** Former names. */
  readonly aliases?: readonly string[];
  /** Without it the setting is ignored and not shown. */
  readonly feature?: ExperimentalFeature;
  /** False where the default is another on every machine. True unless given. */
  readonly documentsDefault?: boolean;
}

/** One setting: its type, its default and the value it has. */
export class Setting<T> {
  readonly aliases: readonly string[];
  readonly feature: ExperimentalFeature | undefined;
  readonly documentsDefault: boolean;
  readonly #type: SettingType<T>;
  readonly #computeDefault: () => T;
  #default: { readonly value: T } | undefined;
  /** Undefined as long as it has its default. */
  #given: { readonly value: T } | undefined;

  /** What the default depends on is looked at when somebody asks for it: most settings are never asked for. */
  constructor(type: SettingType<T>, computeDefault: () => T, options: SettingOptions = {}) {
    this.#computeDefault = computeDefault;
    this.aliases = options.aliases ?? [];
    this.feature = options.feature;
    this.documentsDefault = options.documentsDefault ?? true;
    this.#type = type;
  }

  get defaultValue(): T {
    return (this.#default ??= { value: this.#computeDefault() }).value;
  }

  get value(): T {
    return this.#given === undefined ? this.defaultValue : this.#given.value;
  }

  /** Whether there is an `extra-` for it. */
  get isAppendable(): boolean {
    return this.#type.append !== undefined;
  }

  /** Throws `config/bad-value` or `path/not-absolute`, calling the setting `name`. */
  set(text: string, name: string): void {
    this.#given = { value: this.#type.parse(text, name) };
  }

  /** As `set` where it is not appendable. */
  append(text: string, name: string): void {
    const value = this.#type.parse(text, name);
    this.#given = { value: this.#type.append?.(this.value, value) ?? value };
  }

  /** The value as `nix config show` prints it. */
  format(): string {
    return this.#type.format(this.value);
  }

  /** As `nix config show --json` prints it, but without a description. */
  toJson(): JsonObject {
    return new Map<ByteString, JsonValue>([
      [byteStringFromText('aliases'), this.aliases.map(byteStringFromText)],
      [byteStringFromText('defaultValue'), this.#type.toJson(this.defaultValue)],
      [byteStringFromText('documentDefault'), this.documentsDefault],
      [byteStringFromText('experimentalFeature'), this.feature === undefined ? null : byteStringFromText(this.feature)],
      [byteStringFromText('value'), this.#type.toJson(this.value)],
    ]);
  }
}
