import { type ByteString, type Reporter, byteStringFromText, textOf } from '../base/index.ts';
import {
  type SettingType,
  type StoreDir,
  type UrlQuery,
  absolutePathType,
  booleanType,
  encodeQuery,
  int32Type,
  optionalAbsolutePathType,
  parseStoreDir,
  setType,
} from '../nix-compat/index.ts';
import { StoreError } from './error.ts';

/**
 * What follows the question mark of a store's URI: settings of that store alone. A kind of store takes those that it
 * knows, then says which were left.
 */
export class StoreParameters {
  readonly #given: ReadonlyMap<string, string>;
  readonly #formatted = new Map<string, string>();
  readonly #known = new Set<string>();

  /** Throws `store-uri/malformed` for bytes that are no text. */
  constructor(query: UrlQuery = new Map()) {
    this.#given = new Map(Array.from(query, ([name, value]) => [decode(name), decode(value)] as const));
  }

  /** Throws `config/bad-value` or `path/not-absolute`. */
  take<T>(name: string, type: SettingType<T>, fallback: T): T {
    this.#known.add(name);
    const text = this.#given.get(name);
    if (text === undefined) return fallback;
    const value = type.parse(text, name);
    this.#formatted.set(name, type.format(value));
    return value;
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** `base`, and the parameters that were taken in the form in which C++ Nix shows them. */
  formatUri(base: string): string {
    const sorted = [...this.#formatted].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const query = sorted.map(([name, value]) => [byteStringFromText(name), byteStringFromText(value)] as const);
    return query.length === 0 ? base : `${base}?${encodeQuery(new Map(query))}`;
  }

  warnUnknown(reporter: Reporter): void {
    const unknown = [...this.#given.keys()].filter(name => !this.#known.has(name));
    for (const name of unknown.toSorted()) reporter.warn(`unknown setting '${name}'`);
  }
}

/** What all kinds of stores can be told; undefined where the URI leaves it to the store. */
export interface StoreTraits {
  readonly storeDir: StoreDir;
  readonly priority: number | undefined;
  readonly wantMassQuery: boolean | undefined;
  readonly isTrusted: boolean;
  /** What may be required of who builds in it. */
  readonly systemFeatures?: ReadonlySet<string> | undefined;
  /** Path infos that are remembered within the process, for stores that have to ask for them. */
  readonly pathInfoCacheSize: number;
}

/** Throws what `StoreParameters.take` and `parseStoreDir` throw. */
export function takeTraits(parameters: StoreParameters, defaultStoreDir: string): StoreTraits {
  return {
    storeDir: parseStoreDir(parameters.take('store', absolutePathType, defaultStoreDir)),
    priority: parameters.has('priority') ? parameters.take('priority', int32Type, 0) : undefined,
    wantMassQuery: parameters.has('want-mass-query')
      ? parameters.take('want-mass-query', booleanType, false)
      : undefined,
    isTrusted: parameters.take('trusted', booleanType, false),
    systemFeatures: parameters.has('system-features')
      ? parameters.take('system-features', setType, new Set<string>())
      : undefined,
    pathInfoCacheSize: parameters.take('path-info-cache-size', int32Type, 65536),
  };
}

/** Where a store's files are on this machine, as its URI says it; undefined where that leaves it to the store. */
export interface StoreFiles {
  /** A folder that is to the store what `/` is to that of the machine. */
  readonly root: string | undefined;
  readonly state: string | undefined;
  readonly log: string | undefined;
  readonly real: string | undefined;
}

export function takeStoreFiles(parameters: StoreParameters): StoreFiles {
  const take = (name: string) => parameters.take<string | undefined>(name, optionalAbsolutePathType, undefined);
  return { root: take('root'), state: take('state'), log: take('log'), real: take('real') };
}

function decode(bytes: ByteString): string {
  const text = textOf(bytes);
  if (text !== undefined) return text;
  throw new StoreError('store-uri/malformed', 'a parameter of a store’s URI is not UTF-8');
}
