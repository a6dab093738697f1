import { byteStringFromText } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import type { JsonObject } from '../json/json-value.ts';
import type { ConfigWarning } from './config-warning.ts';
import { type ExperimentalFeature, parseExperimentalFeatures } from './experimental-features.ts';
import type { ConfigAssignment, ConfigOrigin } from './nix-conf.ts';
import {
  type NixSettings,
  type SettingName,
  type SettingsEnvironment,
  isSettingName,
  nixSettings,
} from './nix-settings.ts';

const featuresName = 'experimental-features';
const extraPrefix = 'extra-';

export interface SettingTraits {
  readonly name: SettingName;
  /** Without it the setting is ignored. */
  readonly feature: ExperimentalFeature | undefined;
  /** Whether there is an `extra-` for it. */
  readonly isAppendable: boolean;
  readonly isBoolean: boolean;
}

/**
 * The values of all settings, and where they come from. Sources are applied one after the other, later ones override
 * earlier ones or, with `extra-`, add to them.
 *
 *     const settings = new Settings(environment);
 *     const warnings = settings.apply(parseNixConf(text, '/etc/nix/nix.conf', readFile));
 *     settings.get('max-jobs');
 */
export class Settings {
  readonly #settings: NixSettings;
  /** Names and aliases. */
  readonly #names = new Map<string, SettingName>();
  readonly #origins = new Map<SettingName, ConfigOrigin>();
  readonly #overridden = new Set<SettingName>();

  constructor(environment: SettingsEnvironment) {
    this.#settings = nixSettings(environment);
    for (const name of this.#allNames()) {
      for (const known of [name, ...this.#settings[name].aliases]) this.#names.set(known, name);
    }
    if (environment.isRoot) this.presume('build-users-group', 'nixbld');
  }

  get<Name extends SettingName>(name: Name): NixSettings[Name]['value'] {
    return this.#settings[name].value;
  }

  isEnabled(feature: ExperimentalFeature): boolean {
    return this.get(featuresName).has(feature);
  }

  /** Where the setting was last set, or undefined where it has its default. */
  originOf(name: SettingName): ConfigOrigin | undefined {
    return this.#origins.get(name);
  }

  /** The setting that `name` or an alias stands for, and what flags of the command line need to know of it. */
  find(name: string): SettingTraits | undefined {
    const known = this.#names.get(name);
    if (known === undefined) return undefined;
    const { feature, isAppendable, defaultValue } = this.#settings[known];
    return { name: known, feature, isAppendable, isBoolean: typeof defaultValue === 'boolean' };
  }

  /** The settings that were set since `forgetOverrides`: what a client tells its daemon. */
  get overridden(): ReadonlySet<SettingName> {
    return this.#overridden;
  }

  /** Takes all values so far for the system's own. */
  forgetOverrides(): void {
    this.#overridden.clear();
  }

  /**
   * Applies one source: first its experimental features, since whether others count depends on them, then the rest in
   * its order. Throws `config/bad-value` or `path/not-absolute`, saying where the value was set.
   */
  apply(assignments: readonly ConfigAssignment[]): ConfigWarning[] {
    const features = assignments.filter(setsFeatures);
    const rest = assignments.filter(assignment => !setsFeatures(assignment));
    return [...features, ...rest].flatMap(assignment => this.set(assignment));
  }

  /** Gives a setting another value than its default without counting as having set it. Throws as `apply`. */
  presume(name: SettingName, value: string): void {
    this.#settings[name].set(value, name);
  }

  /** Applies one assignment; throws as `apply`. */
  set(assignment: ConfigAssignment): ConfigWarning[] {
    const { origin, value } = assignment;
    const target = this.#resolve(assignment.name);
    if (target === undefined) return [{ kind: 'unknown-setting', name: assignment.name, origin }];
    const { name, append } = target;
    const setting = this.#settings[name];
    const { feature } = setting;
    this.#overridden.add(name);
    if (feature !== undefined && !this.isEnabled(feature)) return [{ kind: 'feature-disabled', name, feature, origin }];
    try {
      // The features in force while nobody names any are no base to add to.
      if (append && (name !== featuresName || this.#origins.has(name))) setting.append(value, name);
      else setting.set(value, name);
    } catch (error) {
      throw withOrigin(error, origin);
    }
    this.#origins.set(name, origin);
    return this.#consequences(name, assignment);
  }

  /** The setting that a name, an alias, or `extra-` before one stands for. */
  #resolve(name: string): { readonly name: SettingName; readonly append: boolean } | undefined {
    const exact = this.#names.get(name);
    if (exact !== undefined) return { name: exact, append: false };
    const extended = name.startsWith(extraPrefix) ? this.#names.get(name.slice(extraPrefix.length)) : undefined;
    if (extended === undefined || !this.#settings[extended].isAppendable) return undefined;
    return { name: extended, append: true };
  }

  #consequences(name: SettingName, { value, origin }: ConfigAssignment): ConfigWarning[] {
    if (name === featuresName) {
      return parseExperimentalFeatures(value).unknown.map(feature => ({ kind: 'unknown-feature', feature, origin }));
    }
    if (name === 'warn-short-path-literals') {
      const successor = 'lint-short-path-literals';
      const level = this.get(name) ? 'warn' : 'ignore';
      if (!this.#overridden.has(successor)) this.#settings[successor].set(level, successor);
      return [{ kind: 'deprecated-setting', name, instead: `${successor} = ${level}`, origin }];
    }
    return [];
  }

  /** The settings that are in force, sorted by name. */
  names(): SettingName[] {
    return this.#allNames().filter(name => {
      const { feature } = this.#settings[name];
      return feature === undefined || this.isEnabled(feature);
    });
  }

  /** The value as `nix config show` prints it. */
  format(name: SettingName): string {
    return this.#settings[name].format();
  }

  /** All settings as `nix config show --json` prints them, but without descriptions. */
  toJson(): JsonObject {
    return new Map(this.#allNames().map(name => [byteStringFromText(name), this.#settings[name].toJson()] as const));
  }

  #allNames(): SettingName[] {
    return Object.keys(this.#settings)
      .filter(name => isSettingName(this.#settings, name))
      .toSorted();
  }
}

function setsFeatures({ name }: ConfigAssignment): boolean {
  return name === featuresName || name === extraPrefix + featuresName;
}

function withOrigin(error: unknown, { source, line }: ConfigOrigin): unknown {
  if (!(error instanceof NixCompatError) || line === undefined) return error;
  return new NixCompatError(error.code, `${error.message} (line ${line} of ${source})`, { cause: error });
}
