import { type ByteString, brandAs } from '../base/index.ts';
import {
  type Derivation,
  type DerivationFile,
  type DerivationHash,
  type NixHash,
  type OutputName,
  type StoreDir,
  type StorePath,
  derivationNameOf,
  parseDerivation,
} from '../nix-compat/index.ts';
import type { Core } from './core.ts';
import type { CoreMemory } from './core-memory.ts';

/** Where a Made object of the core's (src/core/derivation/made.ts) has path, text and the text's length. */
const offsets = { path: 0, text: 4, length: 8 } as const;

/** The file of a derivation that the core made: its text stays in the core's memory until somebody asks for it. */
export class MadeDerivationFile implements DerivationFile {
  readonly path: StorePath;
  readonly #memory: CoreMemory;
  readonly #made: number;
  readonly #storeDir: StoreDir;

  constructor(memory: CoreMemory, made: number, storeDir: StoreDir) {
    this.path = brandAs<StorePath>(memory.string(memory.u32(made + offsets.path)));
    this.#memory = memory;
    this.#made = made;
    this.#storeDir = storeDir;
  }

  get text(): ByteString {
    const text = this.#memory.u32(this.#made + offsets.text);
    return brandAs<ByteString>(
      this.#memory.bytes(text, this.#memory.u32(this.#made + offsets.length)).toString('latin1'),
    );
  }

  get references(): ReadonlySet<StorePath> {
    const { inputSources, inputDerivations } = this.parse();
    return new Set([...inputSources, ...inputDerivations.keys()]);
  }

  parse(): Derivation {
    return parseDerivation(this.text, { storeDir: this.#storeDir, name: derivationNameOf(this.path) });
  }
}

/** The derivations that the core made, by their paths. */
export class MadeDerivations {
  readonly #core: Core;
  readonly #storeDir: StoreDir;

  constructor(core: Core, storeDir: StoreDir) {
    this.#core = core;
    this.#storeDir = storeDir;
  }

  find(path: StorePath): Derivation | undefined {
    const made = this.#core.exports.madeDerivation(this.#core.intern(brandAs<ByteString>(`=${path}`)));
    return made === 0 ? undefined : new MadeDerivationFile(this.#core.memory, made, this.#storeDir).parse();
  }

  /** The hashes modulo of a derivation's outputs. */
  hashOf(path: StorePath): DerivationHash | undefined {
    const derivation = this.find(path);
    if (derivation === undefined) return undefined;
    const hashes = new Map<OutputName, NixHash>();
    for (const output of derivation.outputs.keys()) {
      const element = this.#core.intern(brandAs<ByteString>(`!${output}!${path}`));
      const digits = this.#core.exports.knownModuloHash(element);
      const text = this.#core.memory.bytes(digits, hashDigits).toString('latin1');
      hashes.set(output, { algorithm: 'sha256', digest: Buffer.from(text, 'hex') });
    }
    return { kind: 'regular', hashes };
  }
}

const hashDigits = 64;
