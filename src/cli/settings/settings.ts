import { CliError } from '../error.ts';
import type { ExperimentalFeature } from './features.ts';
import { type SettingName, type SettingTable, createSettingTable } from './setting-table.ts';
import type { Setting, SettingContext } from './setting.ts';

/** A setting by its name alone, whatever its type. */
export type AnySetting = Pick<Setting<unknown>, 'appendable' | 'feature' | 'flags'> & {
  set(text: string, context: SettingContext): void;
  append(text: string, context: SettingContext): void;
};

export interface NamedSetting {
  readonly name: string;
  readonly setting: AnySetting;
}

/**
 * All settings of one invocation. Sources are applied from the weakest to the strongest: the system's nix.conf, the
 * user's, NIX_CONFIG, flags. Names and texts are byte strings.
 */
export class Settings {
  readonly #table: SettingTable;
  readonly #byName = new Map<string, NamedSetting>();
  readonly #unknown = new Map<string, string>();
  readonly #warn: (message: string) => void;

  constructor(confDir: string, warn: (message: string) => void) {
    this.#table = createSettingTable(confDir);
    this.#warn = warn;
    for (const [name, setting] of Object.entries(this.#table)) {
      const named = { name, setting };
      for (const key of [name, ...setting.aliases]) this.#byName.set(key, named);
    }
  }

  get<Name extends SettingName>(name: Name): SettingTable[Name]['value'] {
    return this.#table[name].value;
  }

  /** By name or alias. */
  find(name: string): NamedSetting | undefined {
    return this.#byName.get(name);
  }

  /** All names, without aliases. */
  names(): string[] {
    return Object.keys(this.#table);
  }

  /**
   * Sets `name`, or adds to it as `extra-name`. Names that are no setting are kept for `warnUnknown`. Throws
   * `settings/bad-value`.
   */
  assign(name: string, text: string): void {
    const whole = this.find(name);
    if (whole !== undefined) return this.apply(whole, 'set', text);
    const part = name.startsWith('extra-') ? this.find(name.slice('extra-'.length)) : undefined;
    if (part?.setting.appendable === true) return this.apply(part, 'append', text);
    if (!this.#unknown.has(name)) this.#unknown.set(name, text);
  }

  /** Throws `settings/bad-value`. */
  apply({ name, setting }: NamedSetting, how: 'set' | 'append', text: string): void {
    if (setting.feature !== undefined && !this.isEnabled(setting.feature)) {
      const why = `experimental feature '${setting.feature}' is not enabled`;
      this.#warn(`Ignoring setting '${name}' because ${why}`);
    } else {
      setting[how](text, { name, warn: this.#warn });
    }
  }

  /** Says, once, which names were set that are no settings. */
  warnUnknown(): void {
    for (const name of [...this.#unknown.keys()].toSorted()) this.#warn(`unknown setting '${name}'`);
    this.#unknown.clear();
  }

  /** Features that anybody has chosen are exactly those that are enabled; if nobody has, all are. */
  isEnabled(feature: ExperimentalFeature): boolean {
    return this.get('experimental-features')?.has(feature) ?? true;
  }

  /** Throws `feature/disabled`. */
  require(feature: ExperimentalFeature): void {
    if (this.isEnabled(feature)) return;
    throw new CliError(
      'feature/disabled',
      `experimental Nix feature '${feature}' is disabled; add '--extra-experimental-features ${feature}' to enable it`,
    );
  }
}
