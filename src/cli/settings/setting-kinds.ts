import { CliError } from '../error.ts';
import { type ExperimentalFeature, isExperimentalFeature } from './features.ts';
import type { SettingKind } from './setting.ts';

function refuse(message: string): CliError {
  return new CliError('settings/bad-value', message);
}

/** The words of `text`, which spaces, tabs and line ends separate. */
export function splitWords(text: string): string[] {
  return text.split(/[ \t\n\r]+/).filter(word => word !== '');
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
]);

export const switchKind: SettingKind<boolean> = {
  flags: 'switch',
  parse: (text, { name }) => {
    const value = truths.get(text);
    if (value === undefined) throw refuse(`Boolean setting '${name}' has invalid value '${text}'`);
    return value;
  },
};

const integer = /^([+-]?[0-9]{1,20})([kKmMgGtT]?)$/;
const units: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['K', 1n << 10n],
  ['M', 1n << 20n],
  ['G', 1n << 30n],
  ['T', 1n << 40n],
]);

/** `text` as an integer with an optional unit (`16M`) between the bounds, or undefined. */
export function parseInteger(text: string, min: bigint, max: bigint): number | undefined {
  const [, digits, unit] = integer.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const count = BigInt(digits.replace('+', ''));
  if (count < min || count > max) return undefined;
  return Number(count * (units.get(unit.toUpperCase()) ?? 1n));
}

function integerKind(min: bigint, max: bigint): SettingKind<number> {
  return {
    flags: 'value',
    parse: (text, { name }) => {
      const value = parseInteger(text, min, max);
      if (value === undefined) throw refuse(`setting '${name}' has invalid value '${text}'`);
      return value;
    },
  };
}

/** Values beyond 2^53 are rounded: they stand for "no limit". */
export const uint32Kind = integerKind(0n, 0xffff_ffffn);
export const uint64Kind = integerKind(0n, 0xffff_ffff_ffff_ffffn);
export const int64Kind = integerKind(-(1n << 63n), (1n << 63n) - 1n);

/** A number, or `auto` for the number of processors. */
export const jobsKind: SettingKind<number | 'auto'> = {
  flags: 'value',
  parse: (text, { name }) => {
    const value = text === 'auto' ? text : /^[0-9]+$/.test(text) ? parseInteger(text, 0n, 0xffff_ffffn) : undefined;
    if (value === undefined) throw refuse(`configuration setting '${name}' should be 'auto' or an integer`);
    return value;
  },
};

export const textKind: SettingKind<string> = { flags: 'value', parse: text => text };

/** Empty text unsets it. */
export const optionalTextKind: SettingKind<string | undefined> = {
  flags: 'value',
  parse: text => (text === '' ? undefined : text),
};

export const pathKind: SettingKind<string> = {
  flags: 'value',
  parse: (text, { name }) => {
    if (text === '') throw refuse(`setting '${name}' is a path and paths cannot be empty`);
    return text;
  },
};

export const listKind: SettingKind<readonly string[]> = {
  flags: 'value',
  parse: splitWords,
  append: (value, more) => [...value, ...more],
};

export const setKind: SettingKind<ReadonlySet<string>> = {
  flags: 'value',
  parse: text => new Set(splitWords(text)),
  append: (value, more) => new Set([...value, ...more]),
};

/** As a list, without `extra-`. */
export const fixedListKind: SettingKind<readonly string[]> = { flags: 'value', parse: splitWords };

export const mapKind: SettingKind<ReadonlyMap<string, string>> = {
  flags: 'value',
  parse: text => {
    const entries = new Map<string, string>();
    for (const word of splitWords(text)) {
      const equals = word.indexOf('=');
      const name = word.slice(0, equals);
      if (equals >= 0 && !entries.has(name)) entries.set(name, word.slice(equals + 1));
    }
    return entries;
  },
  append: (value, more) => new Map([...more, ...value]),
};

function choiceKind<const Choice extends string>(choices: readonly Choice[], hint: string): SettingKind<Choice> {
  return {
    flags: 'value',
    parse: (text, { name }) => {
      const choice = choices.find(known => known === text);
      if (choice === undefined) throw refuse(`option '${name}' has invalid value '${text}'${hint}`);
      return choice;
    },
  };
}

export const lintKind = choiceKind(['ignore', 'warn', 'fatal'], " (expected 'ignore', 'warn', or 'fatal')");
export const profilerKind = choiceKind(['disabled', 'flamegraph'], '');
export const sandboxKind: SettingKind<'true' | 'relaxed' | 'false'> = {
  ...choiceKind(['true', 'relaxed', 'false'], ''),
  flags: 'sandbox',
};

/** Undefined while nobody has said which features to enable. */
export const featuresKind: SettingKind<ReadonlySet<ExperimentalFeature> | undefined> = {
  flags: 'value',
  parse: (text, { warn }) => {
    const features = new Set<ExperimentalFeature>();
    for (const name of new Set(splitWords(text))) {
      if (isExperimentalFeature(name)) features.add(name);
      else if (name === 'no-url-literals') warn(stabilisedFeature(name, 'lint-url-literals = fatal'));
      else warn(`unknown experimental feature '${name}'`);
    }
    if (features.has('flakes')) features.add('fetch-tree');
    return features;
  },
  append: (value, more) => new Set([...(value ?? []), ...(more ?? [])]),
};

function stabilisedFeature(name: string, instead: string): string {
  return `experimental feature '${name}' has been stabilized and renamed; use '${instead}' setting instead`;
}
