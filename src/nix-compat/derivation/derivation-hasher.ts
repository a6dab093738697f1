import { type ByteString, brandAs, bytesOf, displayBytes } from '../../base/index.ts';
import { entriesInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { formatHash } from '../hash/hash-format.ts';
import { hashBytes } from '../hash/hasher.ts';
import type { NixHash } from '../hash/hash.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import { derivationTypeOf } from './derivation-type.ts';
import type { Derivation, DerivedInputs, OutputName } from './derivation.ts';
import { formatForHashing } from './format-derivation.ts';
import { formatOutputFields } from './output-fields.ts';
import { noDynamicInputs } from './parse-derivation.ts';

/**
 * The hash modulo of each output: equal for derivations that differ only in how fixed outputs among their inputs are
 * fetched. `deferred` where an output's path, here or among the inputs, is not known before it is built: no path may
 * then be computed from the hash.
 */
export interface DerivationHash {
  readonly kind: 'regular' | 'deferred';
  readonly hashes: ReadonlyMap<OutputName, NixHash>;
}

/** Delivers a derivation, or its unmasked hash where that is known already; undefined when there is none. */
export type DerivationLookup = (path: StorePath) => Derivation | DerivationHash | undefined;

/**
 * Computes hashes modulo, each derivation's once.
 *
 *     const hasher = new DerivationHasher(storeDir, path => derivations.get(path));
 *     const { kind, hashes } = hasher.hash(derivation, { maskOutputs: true });
 */
export class DerivationHasher {
  readonly storeDir: StoreDir;
  readonly #lookup: DerivationLookup;
  readonly #known = new Map<StorePath, DerivationHash>();

  constructor(storeDir: StoreDir, lookup: DerivationLookup) {
    this.storeDir = storeDir;
    this.#lookup = lookup;
  }

  /** Whether the derivation at `path` need not be looked up any more. */
  knows(path: StorePath): boolean {
    return this.#known.has(path);
  }

  /**
   * The hash of a derivation that is in the store, as its dependents see it. Throws `derivation/missing-input`,
   * `derivation/cycle`, `derivation/mixed-outputs`, or as `formatDerivation`.
   */
  hashOfPath(path: StorePath): DerivationHash {
    this.#learn([path]);
    const known = this.#known.get(path);
    if (known === undefined) throw this.#missing(path);
    return known;
  }

  /**
   * The hash of a derivation that need not be in the store, though its inputs have to be. With `maskOutputs`, the one
   * that its own output paths are computed from. Throws as `hashOfPath`.
   */
  hash(derivation: Derivation, options: { readonly maskOutputs: boolean }): DerivationHash {
    this.#learn(hashedInputs(derivation));
    return this.#hashWithKnownInputs(derivation, options.maskOutputs);
  }

  /** Depth first without recursion: chains of derivations are as long as whoever wrote them likes. */
  #learn(roots: Iterable<StorePath>): void {
    const stack: Pending[] = [];
    const open = new Set<StorePath>();
    for (const root of roots) {
      this.#enter(root, stack, open);
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        const input = top.inputs.next();
        if (input.done !== true) this.#enter(input.value, stack, open);
        else {
          this.#known.set(top.path, this.#hashWithKnownInputs(top.derivation, false));
          open.delete(top.path);
          stack.pop();
        }
      }
    }
  }

  #enter(path: StorePath, stack: Pending[], open: Set<StorePath>): void {
    if (this.#known.has(path)) return;
    if (open.has(path)) {
      const message = `derivation '${printStorePath(this.storeDir, path)}' is among its own inputs`;
      throw new NixCompatError('derivation/cycle', message);
    }
    const found = this.#lookup(path);
    if (found === undefined) throw this.#missing(path);
    if ('hashes' in found) {
      this.#known.set(path, found);
      return;
    }
    stack.push({ path, derivation: found, inputs: hashedInputs(found) });
    open.add(path);
  }

  #hashWithKnownInputs(derivation: Derivation, maskOutputs: boolean): DerivationHash {
    const type = derivationTypeOf(derivation);
    if (type === 'fixed') return this.#hashOfFixed(derivation);
    let kind: DerivationHash['kind'] = type === 'floating' || type === 'impure' ? 'deferred' : 'regular';
    const inputs = new Map<string, OutputName[]>();
    for (const [path, { outputs }] of derivation.inputDerivations) {
      const input = this.#known.get(path);
      if (input === undefined) throw this.#missing(path);
      if (input.kind === 'deferred') kind = 'deferred';
      // Outputs of outputs have no part in the hash.
      for (const output of outputs) {
        const hash = formatHash(hashOfOutput(input, output, path), 'base16');
        const others = inputs.get(hash);
        if (others === undefined) inputs.set(hash, [output]);
        else others.push(output);
      }
    }
    const hashed = new Map<string, DerivedInputs>();
    for (const [hash, outputs] of entriesInByteOrder(inputs)) hashed.set(hash, { outputs, dynamic: noDynamicInputs });
    const text = formatForHashing(derivation, { storeDir: this.storeDir, inputs: hashed, maskOutputs });
    const hash = hashBytes('sha256', bytesOf(text));
    return { kind, hashes: new Map([...derivation.outputs.keys()].map(output => [output, hash])) };
  }

  /** Of what the output must be, so that dependents do not change when only the way to fetch it does. */
  #hashOfFixed(derivation: Derivation): DerivationHash {
    const hashes = new Map<OutputName, NixHash>();
    for (const [name, output] of derivation.outputs) {
      const { mode, hash, path } = formatOutputFields(output, name, { name: derivation.name, storeDir: this.storeDir });
      hashes.set(name, hashBytes('sha256', bytesOf(brandAs<ByteString>(`fixed:out:${mode}:${hash}:${path}`))));
    }
    return { kind: 'regular', hashes };
  }

  #missing(path: StorePath): NixCompatError {
    const message = `derivation '${printStorePath(this.storeDir, path)}' is needed to compute a hash but is not known`;
    return new NixCompatError('derivation/missing-input', message);
  }
}

/** A derivation that waits for the hashes of those inputs that are left. */
interface Pending {
  readonly path: StorePath;
  readonly derivation: Derivation;
  readonly inputs: Iterator<StorePath>;
}

/** The inputs that the hash depends on. */
function hashedInputs(derivation: Derivation): Iterator<StorePath> & Iterable<StorePath> {
  return derivationTypeOf(derivation) === 'fixed' ? none.keys() : derivation.inputDerivations.keys();
}

const none: ReadonlyMap<StorePath, DerivedInputs> = new Map();

/** Throws `derivation/missing-input`. */
export function hashOfOutput(hash: DerivationHash, output: OutputName, of: string): NixHash {
  const found = hash.hashes.get(output);
  if (found !== undefined) return found;
  const message = `no hash for output '${displayBytes(output)}' of derivation '${of}'`;
  throw new NixCompatError('derivation/missing-input', message);
}
