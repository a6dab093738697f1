import {
  type ConfigAssignment,
  type ConfigWarning,
  type ExperimentalFeature,
  type JsonObject,
  type NixSettings,
  type SettingName,
  type SettingTraits,
  Settings,
  type SettingsEnvironment,
  formatConfigWarning,
} from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';

/** The settings of one invocation: as nix-compat has them, with warnings said where C++ Nix says them. */
export class InvocationSettings {
  readonly #environment: SettingsEnvironment;
  readonly #settings: Settings;
  /** What has been done to them, in order: `copy` does it again. */
  readonly #changes: ((settings: Settings) => unknown)[] = [];
  readonly #warn: (message: string) => void;
  /** Names that are no settings. They are reported at the end, when all of the command line is known. */
  readonly #unknown = new Set<string>();

  constructor(environment: SettingsEnvironment, warn: (message: string) => void) {
    this.#environment = environment;
    this.#settings = new Settings(environment);
    this.#warn = warn;
  }

  /** Settings that begin as these are and change apart from them: those of a client of a server. */
  copy(warn: (message: string) => void): InvocationSettings {
    const copy = new InvocationSettings(this.#environment, warn);
    for (const change of this.#changes) copy.#change(change);
    return copy;
  }

  get<Name extends SettingName>(name: Name): NixSettings[Name]['value'] {
    return this.#settings.get(name);
  }

  /** Whether anybody but the system's own configuration gave it a value. */
  isOverridden(name: SettingName): boolean {
    return this.#settings.overridden.has(name);
  }

  /** Names of all that `isOverridden`. */
  overridden(): SettingName[] {
    return [...this.#settings.overridden];
  }

  /** By name or alias. */
  find(name: string): SettingTraits | undefined {
    return this.#settings.find(name);
  }

  /** Names of the settings that are in force, sorted. */
  names(): SettingName[] {
    return this.#settings.names();
  }

  /** The value as `nix config show` prints it. */
  format(name: SettingName): string {
    return this.#settings.format(name);
  }

  /** All settings as `nix config show --json` prints them, but without descriptions. */
  toJson(): JsonObject {
    return this.#settings.toJson();
  }

  /** Applies one source. Throws `config/bad-value` or `path/not-absolute`. */
  apply(assignments: readonly ConfigAssignment[]): void {
    this.#report(this.#change(settings => settings.apply(assignments)));
  }

  /** What the command line says: sets `name`, or adds to it as `extra-name`. Throws as `apply`. */
  assign(name: string, value: string): void {
    const assignment = { name, value, origin: { source: 'command line' } };
    this.#report(this.#change(settings => settings.set(assignment)));
  }

  /** Gives a setting another value than its default without counting as having set it. Throws as `apply`. */
  presume(name: SettingName, value: string): void {
    this.#change(settings => settings.presume(name, value));
  }

  /** Takes all values so far for the system's own. */
  forgetOverrides(): void {
    this.#change(settings => settings.forgetOverrides());
  }

  /** Says, once, which names were set that are no settings. */
  warnUnknown(): void {
    for (const name of [...this.#unknown].toSorted()) this.#warn(`unknown setting '${name}'`);
    this.#unknown.clear();
  }

  isEnabled(feature: ExperimentalFeature): boolean {
    return this.#settings.isEnabled(feature);
  }

  /** Throws `feature/disabled`. */
  require(feature: ExperimentalFeature): void {
    if (this.isEnabled(feature)) return;
    throw new CliError(
      'feature/disabled',
      `experimental Nix feature '${feature}' is disabled; add '--extra-experimental-features ${feature}' to enable it`,
    );
  }

  /** Kept only when it has succeeded. */
  #change<T>(change: (settings: Settings) => T): T {
    const result = change(this.#settings);
    this.#changes.push(change);
    return result;
  }

  #report(warnings: readonly ConfigWarning[]): void {
    for (const warning of warnings) {
      if (warning.kind === 'unknown-setting') this.#unknown.add(warning.name);
      else this.#warn(formatConfigWarning(warning));
    }
  }
}
