import type { ByteString } from '../../base/index.ts';
import { mapInByteOrder, setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import type { JsonObject } from '../json/json-value.ts';
import { type StoreDir, parseStorePathIn } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import { AtermReader } from './aterm-reader.ts';
import {
  type DerivedInputs,
  type Derivation,
  type DerivationOutput,
  type OutputName,
  structuredAttrsVariable,
} from './derivation.ts';
import { parseOutputFields, requireAbsolute } from './output-fields.ts';
import { parseStructuredAttrs } from './structured-attrs.ts';

/** Bytes of the longest derivation that is read, unless told otherwise. */
export const defaultMaxDerivationSize = 64 * 1024 * 1024;

/** Levels of outputs of outputs that the inputs of a derivation may have. */
export const maxDynamicDepth = 256;

export interface ParseDerivationOptions {
  readonly storeDir: StoreDir;
  /** Of the store path, without `.drv`. */
  readonly name: ByteString;
  readonly maxSize?: number;
}

/**
 * Reads a derivation in the ATerm format, `Derive(...)` or `DrvWithVersion("xp-dyn-drv",...)`. Takes what C++ Nix
 * takes: any order, repeated names (the first output, the last input and variable count), anything after the last
 * parenthesis. Throws `derivation/...`, or what its paths, hashes and outputs throw, with the offset of the field.
 */
export function parseDerivation(text: ByteString, options: ParseDerivationOptions): Derivation {
  const { maxSize = defaultMaxDerivationSize } = options;
  if (text.length > maxSize) {
    const message = `derivation '${excerpt(options.name)}' of ${text.length} bytes is longer than the limit of ${maxSize}`;
    throw new NixCompatError('derivation/too-large', message);
  }
  return new DerivationReader(text, options.storeDir).read(options.name);
}

class DerivationReader {
  readonly #reader: AtermReader;
  readonly #storeDir: StoreDir;
  #dynamic = false;

  constructor(text: ByteString, storeDir: StoreDir) {
    this.#reader = new AtermReader(text);
    this.#storeDir = storeDir;
  }

  read(name: ByteString): Derivation {
    const reader = this.#reader;
    this.#readVersion();
    const outputs = this.#readOutputs();
    reader.expect(',');
    const inputDerivations = this.#readInputDerivations();
    reader.expect(',');
    const inputSources = this.#readInputSources();
    reader.expect(',');
    const platform = reader.string();
    reader.expect(',');
    const builder = reader.string();
    reader.expect(',');
    const args = this.#readStrings();
    reader.expect(',');
    const { env, structuredAttrs } = this.#readEnv();
    reader.expect(')');
    const derivation = { name, outputs, inputDerivations, inputSources, platform, builder, args, env };
    return structuredAttrs === undefined ? derivation : { ...derivation, structuredAttrs };
  }

  #readVersion(): void {
    const reader = this.#reader;
    reader.expect('D');
    switch (reader.peek()) {
      case 'e':
        reader.expect('erive(');
        return;
      case 'r': {
        reader.expect('rvWithVersion(');
        const offset = reader.offset;
        const version = reader.string();
        if (version !== 'xp-dyn-drv') {
          const message = `Unknown derivation ATerm format version '${excerpt(version)}'`;
          throw new NixCompatError('derivation/unknown-version', message, { offset });
        }
        this.#dynamic = true;
        reader.expect(',');
        return;
      }
      default: {
        const message = `derivation does not start with 'Derive' or 'DrvWithVersion'`;
        throw reader.refuse('derivation/syntax', message, 0);
      }
    }
  }

  #readOutputs(): ReadonlyMap<OutputName, DerivationOutput> {
    const reader = this.#reader;
    const outputs = new Map<OutputName, DerivationOutput>();
    reader.expect('[');
    while (!reader.endOfList()) {
      reader.expect('(');
      const name = reader.string();
      reader.expect(',');
      const offset = reader.offset;
      const path = reader.string();
      reader.expect(',');
      const mode = reader.string();
      reader.expect(',');
      const hash = reader.string();
      reader.expect(')');
      const output = locate(offset, () => parseOutputFields(this.#storeDir, { path, mode, hash }));
      if (!outputs.has(name)) outputs.set(name, output);
    }
    return mapInByteOrder(outputs);
  }

  #readInputDerivations(): ReadonlyMap<StorePath, DerivedInputs> {
    const reader = this.#reader;
    const inputs = new Map<StorePath, DerivedInputs>();
    reader.expect('[');
    while (!reader.endOfList()) {
      reader.expect('(');
      const path = this.#readStorePath();
      reader.expect(',');
      inputs.set(path, this.#readDerivedInputs(0));
      reader.expect(')');
    }
    return mapInByteOrder(inputs);
  }

  #readDerivedInputs(depth: number): DerivedInputs {
    const reader = this.#reader;
    if (!this.#dynamic || reader.peek() === '[') return { outputs: this.#readOutputNames(), dynamic: noDynamicInputs };
    if (reader.peek() !== '(') throw reader.refuse('derivation/syntax', 'invalid inputDrvs entry in derivation');
    if (depth >= maxDynamicDepth) {
      const message = `derivations made by derivations are nested more than ${maxDynamicDepth} deep`;
      throw reader.refuse('derivation/too-deep', message);
    }
    const dynamic = new Map<OutputName, DerivedInputs>();
    reader.expect('(');
    const outputs = this.#readOutputNames();
    reader.expect(',[');
    while (!reader.endOfList()) {
      reader.expect('(');
      const name = reader.string();
      reader.expect(',');
      dynamic.set(name, this.#readDerivedInputs(depth + 1));
      reader.expect(')');
    }
    reader.expect(')');
    return { outputs, dynamic: mapInByteOrder(dynamic) };
  }

  #readOutputNames(): readonly OutputName[] {
    return setInByteOrder(this.#readStrings());
  }

  #readInputSources(): readonly StorePath[] {
    const reader = this.#reader;
    const sources: StorePath[] = [];
    reader.expect('[');
    while (!reader.endOfList()) sources.push(this.#readStorePath());
    return setInByteOrder(sources);
  }

  #readStorePath(): StorePath {
    const offset = this.#reader.offset;
    const path = this.#reader.string();
    return locate(offset, () => {
      requireAbsolute(path);
      return parseStorePathIn(this.#storeDir, path);
    });
  }

  #readStrings(): ByteString[] {
    const reader = this.#reader;
    const strings: ByteString[] = [];
    reader.expect('[');
    while (!reader.endOfList()) strings.push(reader.string());
    return strings;
  }

  #readEnv(): { readonly env: ReadonlyMap<ByteString, ByteString>; readonly structuredAttrs: JsonObject | undefined } {
    const reader = this.#reader;
    const env = new Map<ByteString, ByteString>();
    let structuredAttrs: JsonObject | undefined;
    reader.expect('[');
    while (!reader.endOfList()) {
      reader.expect('(');
      const name = reader.string();
      reader.expect(',');
      const offset = reader.offset;
      const value = reader.string();
      if (name === structuredAttrsVariable) structuredAttrs = locate(offset, () => parseStructuredAttrs(value));
      else env.set(name, value);
      reader.expect(')');
    }
    return { env: mapInByteOrder(env), structuredAttrs };
  }
}

/** Shared by the many inputs that have none. */
export const noDynamicInputs: ReadonlyMap<OutputName, DerivedInputs> = new Map();

/** Runs `parse`, and lets what it refuses point at `offset`, where its field of the derivation starts. */
function locate<T>(offset: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    throw new NixCompatError(error.code, `${error.message} (in the field at byte ${offset})`, { offset, cause: error });
  }
}
