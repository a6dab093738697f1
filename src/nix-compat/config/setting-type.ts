import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { canonicalPath } from '../canonical-path.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { expectArray, expectKey, expectObject, expectString } from '../json/expect-json.ts';
import { formatJson } from '../json/format-json.ts';
import type { JsonValue } from '../json/json-value.ts';
import { parseJson } from '../json/parse-json.ts';
import { type ExperimentalFeature, parseExperimentalFeatures } from './experimental-features.ts';
import { splitWords } from './nix-conf.ts';

/** How the value of a setting is read and shown. */
export interface SettingType<T> {
  /** Throws `config/bad-value` or `path/not-absolute`. `setting` is the name for messages. */
  readonly parse: (text: string, setting: string) => T;
  /** As `nix config show` prints it. */
  readonly format: (value: T) => string;
  /** As `nix config show --json` prints it. */
  readonly toJson: (value: T) => JsonValue;
  /** What `extra-` does; absent where there is no such thing. */
  readonly append?: (value: T, more: T) => T;
}

function badValue(message: string, cause?: unknown): NixCompatError {
  return new NixCompatError('config/bad-value', message, { cause });
}

const textToJson = (value: string): JsonValue => byteStringFromText(value);
const wordsToJson = (words: Iterable<string>): JsonValue => Array.from(words, textToJson);

export const booleanType: SettingType<boolean> = {
  parse(text, setting) {
    if (text === 'true' || text === 'yes' || text === '1') return true;
    if (text === 'false' || text === 'no' || text === '0') return false;
    throw badValue(`Boolean setting '${setting}' has invalid value '${excerpt(text)}'`);
  },
  format: String,
  toJson: value => value,
};

const units: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['K', 1n << 10n],
  ['M', 1n << 20n],
  ['G', 1n << 30n],
  ['T', 1n << 40n],
]);

/** A decimal number, possibly with a binary unit. Beyond the range C++ Nix wraps around; we refuse. */
function parseInteger(text: string, min: bigint, max: bigint): bigint | undefined {
  // 20 digits are more than any range has.
  const match = /^([+-]?)0*([0-9]{1,20})([KMGT]?)$/i.exec(text);
  const unit = units.get(match?.[3]?.toUpperCase() ?? '');
  if (match === null || unit === undefined) return undefined;
  const magnitude = BigInt(match[2] ?? '') * unit;
  if (match[1] === '-' && min === 0n) return undefined;
  const value = match[1] === '-' ? -magnitude : magnitude;
  return value >= min && value <= max ? value : undefined;
}

function integerType(min: bigint, max: bigint): SettingType<bigint> {
  return {
    parse(text, setting) {
      const value = parseInteger(text, min, max);
      if (value === undefined) throw badValue(`setting '${setting}' has invalid value '${excerpt(text)}'`);
      return value;
    },
    format: String,
    toJson: value => value,
  };
}

export const uint64Type: SettingType<bigint> = integerType(0n, 2n ** 64n - 1n);
export const int64Type: SettingType<bigint> = integerType(-(2n ** 63n), 2n ** 63n - 1n);

const maxUint32 = 2n ** 32n - 1n;
const bigUint32Type = integerType(0n, maxUint32);

export const uint32Type: SettingType<number> = {
  parse: (text, setting) => Number(bigUint32Type.parse(text, setting)),
  format: String,
  toJson: BigInt,
};

const bigInt32Type = integerType(-(2n ** 31n), 2n ** 31n - 1n);

export const int32Type: SettingType<number> = {
  parse: (text, setting) => Number(bigInt32Type.parse(text, setting)),
  format: String,
  toJson: BigInt,
};

/** A number of jobs, `auto` being `cores`. */
export function jobsType(cores: number): SettingType<number> {
  return {
    parse(text, setting) {
      if (text === 'auto') return cores;
      const value = /^\+?[0-9]+$/.test(text) ? parseInteger(text, 0n, maxUint32) : undefined;
      if (value === undefined) throw badValue(`configuration setting '${setting}' should be 'auto' or an integer`);
      return Number(value);
    },
    format: String,
    toJson: BigInt,
  };
}

export const stringType: SettingType<string> = { parse: text => text, format: value => value, toJson: textToJson };

/** Not necessarily absolute. */
export const pathType: SettingType<string> = { ...stringType, parse: refuseEmptyPath };

export const absolutePathType: SettingType<string> = {
  ...stringType,
  parse: (text, setting) => canonicalPath(refuseEmptyPath(text, setting)),
};

function refuseEmptyPath(text: string, setting: string): string {
  if (text === '') throw badValue(`setting '${setting}' is a path and paths cannot be empty`);
  return text;
}

export const optionalAbsolutePathType: SettingType<string | undefined> = {
  parse: text => (text === '' ? undefined : canonicalPath(text)),
  format: value => value ?? '',
  toJson: value => (value === undefined ? null : textToJson(value)),
};

/** One of `choices`; `hint` ends the message for any other. */
function choiceType<const T extends string>(choices: readonly T[], hint = ''): SettingType<T> {
  return {
    parse(text, setting) {
      const choice = choices.find(known => known === text);
      if (choice === undefined) throw badValue(`option '${setting}' has invalid value '${excerpt(text)}'${hint}`);
      return choice;
    },
    format: value => value,
    toJson: textToJson,
  };
}

export type Diagnose = 'ignore' | 'warn' | 'fatal';
export const diagnoseType: SettingType<Diagnose> = choiceType(
  ['ignore', 'warn', 'fatal'],
  " (expected 'ignore', 'warn', or 'fatal')",
);

export type EvalProfilerMode = 'disabled' | 'flamegraph';
export const evalProfilerType: SettingType<EvalProfilerMode> = choiceType(['disabled', 'flamegraph']);

export type SandboxMode = 'true' | 'relaxed' | 'false';
export const sandboxModeType: SettingType<SandboxMode> = {
  ...choiceType(['true', 'relaxed', 'false']),
  toJson: value => (value === 'relaxed' ? textToJson(value) : value === 'true'),
};

/** Words, in the order they were given. */
export const listType: SettingType<readonly string[]> = {
  parse: splitWords,
  format: value => value.join(' '),
  toJson: wordsToJson,
  append: (value, more) => [...value, ...more],
};

/** A list of paths: C++ Nix has no `extra-` for these. */
export const pathListType: SettingType<readonly string[]> = {
  parse: listType.parse,
  format: listType.format,
  toJson: wordsToJson,
};

/** Words, sorted, each once. */
export const setType: SettingType<ReadonlySet<string>> = {
  parse: text => sortedSet(splitWords(text)),
  format: value => [...value].join(' '),
  toJson: wordsToJson,
  append: (value, more) => sortedSet([...value, ...more]),
};

export const pathSetType: SettingType<ReadonlySet<string>> = {
  parse: setType.parse,
  format: setType.format,
  toJson: wordsToJson,
};

function sortedSet<T extends string>(words: Iterable<T>): ReadonlySet<T> {
  return new Set([...words].toSorted());
}

/** Words that name no feature are left out; `parseExperimentalFeatures` tells them. */
export const featuresType: SettingType<ReadonlySet<ExperimentalFeature>> = {
  parse: text => sortedSet(parseExperimentalFeatures(text).known),
  format: value => [...value].join(' '),
  toJson: wordsToJson,
  append: (value, more) => sortedSet([...value, ...more]),
};

/** Words `key=value`, sorted by key; the first of equal keys counts, words without `=` do not. */
export const mapType: SettingType<ReadonlyMap<string, string>> = {
  parse(text) {
    const pairs = splitWords(text).flatMap(word => {
      const equals = word.indexOf('=');
      return equals < 0 ? [] : [[word.slice(0, equals), word.slice(equals + 1)] as const];
    });
    return firstOfEach(pairs);
  },
  // C++ Nix puts a blank before every pair.
  format: value => Array.from(value, ([key, text]) => ` ${key}=${text}`).join(''),
  toJson: value => new Map(Array.from(value, ([key, text]) => [byteStringFromText(key), textToJson(text)] as const)),
  append: (value, more) => firstOfEach([...value, ...more]),
};

function firstOfEach<T>(pairs: readonly (readonly [string, T])[]): ReadonlyMap<string, T> {
  const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const first = new Map<string, T>();
  for (const [key, value] of sorted) if (!first.has(key)) first.set(key, value);
  return first;
}

/** What of the host a build sees at a path. */
export interface SandboxPath {
  readonly source: string;
  /** Whether it does not matter if `source` does not exist. */
  readonly optional: boolean;
}

/** Words `inside`, `inside=outside`, each possibly with `?` at its end for `optional`. */
export const sandboxPathsType: SettingType<ReadonlyMap<string, SandboxPath>> = {
  parse(text) {
    const paths = new Map<string, SandboxPath>();
    for (const word of sortedSet(splitWords(text))) {
      const optional = word.endsWith('?');
      const path = optional ? word.slice(0, -1) : word;
      const equals = path.indexOf('=');
      const inside = equals < 0 ? path : path.slice(0, equals);
      paths.set(inside, { source: path.slice(equals + 1), optional });
    }
    return firstOfEach([...paths]);
  },
  format: value =>
    Array.from(value, ([inside, { source, optional }]) => {
      return `${inside}${source === inside ? '' : `=${source}`}${optional ? '?' : ''}`;
    }).join(' '),
  toJson: value =>
    new Map(
      Array.from(value, ([inside, { source, optional }]) => {
        const path = new Map<ReturnType<typeof byteStringFromText>, JsonValue>([
          [byteStringFromText('optional'), optional],
          [byteStringFromText('source'), textToJson(source)],
        ]);
        return [byteStringFromText(inside), path] as const;
      }),
    ),
  append: (value, more) => firstOfEach([...value, ...more]),
};

/** A program that builds derivations of some systems. */
export interface ExternalBuilder {
  readonly systems: readonly string[];
  readonly program: string;
  readonly args: readonly string[];
}

/** Written as JSON. */
export const externalBuildersType: SettingType<readonly ExternalBuilder[]> = {
  parse(text, setting) {
    try {
      return expectArray(parseJson(byteStringFromText(text))).map(builder => {
        const object = expectObject(builder);
        const words = (key: string) =>
          expectArray(expectKey(object, key)).map(word => displayBytes(expectString(word)));
        return {
          systems: words('systems'),
          program: displayBytes(expectString(expectKey(object, 'program'))),
          args: words('args'),
        };
      });
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      throw badValue(`parsing setting '${setting}': ${error.message}`, error);
    }
  },
  format: value => displayBytes(formatJson(externalBuildersType.toJson(value))),
  toJson: value =>
    value.map(
      ({ systems, program, args }) =>
        new Map<ReturnType<typeof byteStringFromText>, JsonValue>([
          [byteStringFromText('systems'), wordsToJson(systems)],
          [byteStringFromText('program'), textToJson(program)],
          [byteStringFromText('args'), wordsToJson(args)],
        ]),
    ),
};
