import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { OutputName } from '../derivation/derivation.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatHash, parsePrefixedHash } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import type { Signature } from '../signature/signature.ts';
import { type StorePath, checkStorePathName } from '../store-path/store-path.ts';

/** An output of a derivation, which its hash modulo stands for (`DerivationHasher.hash` with `maskOutputs`). */
export interface DerivationOutputId {
  readonly derivationHash: NixHash;
  readonly output: OutputName;
}

/** `sha256:<base16>!<output>` */
export function formatOutputId(id: DerivationOutputId): ByteString {
  return brandAs<ByteString>(`${formatHash(id.derivationHash, 'base16', { prefix: true })}!${id.output}`);
}

/** Throws `realisation/bad-id`, or as `parsePrefixedHash`. */
export function parseOutputId(text: ByteString): DerivationOutputId {
  const separator = text.indexOf('!');
  if (separator < 0) {
    const message = `Invalid derivation output id ${excerpt(displayBytes(text))}`;
    throw new NixCompatError('realisation/bad-id', message, { offset: text.length });
  }
  return {
    derivationHash: parsePrefixedHash(text.slice(0, separator)),
    output: brandAs<ByteString>(text.slice(separator + 1)),
  };
}

/** What an output turned out to be. */
export interface RealisedOutput {
  readonly path: StorePath;
  /** Sorted, each once (`sortSignatures`). */
  readonly signatures: readonly Signature[];
}

/** That an output of a derivation turned out to be some store object, as Nix 2.4 to 2.34 say it. */
export interface Realisation extends RealisedOutput {
  readonly id: DerivationOutputId;
}

/** An entry of the build trace, as Nix 2.35 and later say it: by the derivation's store path, not its hash. */
export interface BuildTraceEntry extends RealisedOutput {
  readonly key: BuildTraceKey;
}

export interface BuildTraceKey {
  readonly derivation: StorePath;
  readonly output: OutputName;
}

/** Where a binary cache of Nix 2.4 to 2.34 keeps a realisation. Throws `realisation/bad-id`. */
export function realisationFileName(id: DerivationOutputId): string {
  requireFileName(id.output);
  return `realisations/${formatOutputId(id)}.doi`;
}

/** Where a binary cache of Nix 2.35 and later keeps an entry of the build trace. Throws `realisation/bad-id`. */
export function buildTraceFileName(key: BuildTraceKey): string {
  requireFileName(key.output);
  return `build-trace-v2/${key.derivation}/${key.output}.doi`;
}

/** A name that no output can have might lead out of the cache's folder. */
function requireFileName(output: OutputName): void {
  try {
    checkStorePathName(output);
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    throw new NixCompatError('realisation/bad-id', `no output has that name: ${error.message}`, { cause: error });
  }
}

/**
 * The entry that says what `realisation` says. The hash does not tell the derivation, so the caller must know that it
 * is this one's. Signatures are lost: they cover the form that they were made for.
 */
export function buildTraceEntryOf(realisation: Realisation, derivation: StorePath): BuildTraceEntry {
  return { key: { derivation, output: realisation.id.output }, path: realisation.path, signatures: [] };
}

/** The inverse of `buildTraceEntryOf`: `derivationHash` is the hash modulo of the entry's derivation. */
export function realisationOf(entry: BuildTraceEntry, derivationHash: NixHash): Realisation {
  return { id: { derivationHash, output: entry.key.output }, path: entry.path, signatures: [] };
}
