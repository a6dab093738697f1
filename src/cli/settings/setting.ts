import type { ExperimentalFeature } from './features.ts';

/** What parsing a setting may need to know: its name for messages, and where to say what is odd but tolerated. */
export interface SettingContext {
  readonly name: string;
  readonly warn: (message: string) => void;
}

/** How the text of a setting becomes its value. */
export interface SettingKind<Value> {
  /** Which flags the setting has on the command line: `--x` and `--no-x`, these and `--relaxed-x`, or `--x VALUE`. */
  readonly flags: 'switch' | 'sandbox' | 'value';
  /** Throws `settings/bad-value`. */
  readonly parse: (text: string, context: SettingContext) => Value;
  /** Only of settings that `extra-x` adds to. */
  readonly append?: (value: Value, more: Value) => Value;
}

export interface SettingOptions {
  readonly aliases?: readonly string[];
  /** Without this feature the setting is ignored, with a warning. */
  readonly feature?: ExperimentalFeature;
}

/** A setting and its present value. Text is a byte string: configuration files promise no encoding. */
export class Setting<Value> {
  readonly kind: SettingKind<Value>;
  readonly aliases: readonly string[];
  readonly feature: ExperimentalFeature | undefined;
  #state: { readonly value: Value } | { readonly initial: () => Value };

  /** `initial` is called at most once, when somebody wants the value and nobody has set it. */
  constructor(kind: SettingKind<Value>, initial: () => Value, options: SettingOptions = {}) {
    this.kind = kind;
    this.#state = { initial };
    this.aliases = options.aliases ?? [];
    this.feature = options.feature;
  }

  get value(): Value {
    if ('initial' in this.#state) this.#state = { value: this.#state.initial() };
    return this.#state.value;
  }

  get flags(): SettingKind<Value>['flags'] {
    return this.kind.flags;
  }

  get appendable(): boolean {
    return this.kind.append !== undefined;
  }

  set(text: string, context: SettingContext): void {
    this.#state = { value: this.kind.parse(text, context) };
  }

  append(text: string, context: SettingContext): void {
    const { append, parse } = this.kind;
    const more = parse(text, context);
    this.#state = { value: append === undefined ? more : append(this.value, more) };
  }
}

/** A setting whose default is at hand. */
export function setting<Value>(kind: SettingKind<Value>, initial: Value, options?: SettingOptions): Setting<Value> {
  return new Setting(kind, () => initial, options);
}
