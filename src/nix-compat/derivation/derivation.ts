import { type ByteString, brandAs } from '../../base/index.ts';
import type { JsonObject } from '../json/json-value.ts';
import type { ContentAddress, ContentAddressKind } from '../store-path/content-address.ts';
import type { StorePath } from '../store-path/store-path.ts';

/** `out`, `dev`, ... Any bytes where it is read; it must fit a store path's name before a path is computed from it. */
export type OutputName = ByteString;

/** How the store path of an output comes about. */
export type DerivationOutput =
  /** From the derivation's hash modulo. */
  | { readonly kind: 'input-addressed'; readonly path: StorePath }
  /** From the content that it must have. */
  | { readonly kind: 'fixed'; readonly address: ContentAddress }
  /** From the content that it turns out to have. */
  | FloatingOutput
  /** From the hash modulo of the resolved derivation: some input's path is not known before it is built. */
  | { readonly kind: 'deferred' }
  /** As `floating`, built outside the sandbox and anew each time. */
  | ImpureOutput;

export interface FloatingOutput extends ContentAddressKind {
  readonly kind: 'floating';
}

export interface ImpureOutput extends ContentAddressKind {
  readonly kind: 'impure';
}

/** What is used of a derivation: some outputs and, where an output is itself a derivation, some of what that one makes. */
export interface DerivedInputs {
  readonly outputs: readonly OutputName[];
  readonly dynamic: ReadonlyMap<OutputName, DerivedInputs>;
}

/** A build step whose inputs are all in the store: what a builder needs. */
export interface BasicDerivation {
  /** Of the store path, without `.drv`. */
  readonly name: ByteString;
  readonly outputs: ReadonlyMap<OutputName, DerivationOutput>;
  readonly inputSources: readonly StorePath[];
  readonly platform: ByteString;
  readonly builder: ByteString;
  readonly args: readonly ByteString[];
  readonly env: ReadonlyMap<ByteString, ByteString>;
  /** Written in place of an environment variable `__json`, which `env` therefore never has. */
  readonly structuredAttrs?: JsonObject;
}

/**
 * A build step. Readers deliver maps and sets in byte order of their keys; writers sort what is in another order,
 * since order has no meaning but decides on the hash.
 */
export interface Derivation extends BasicDerivation {
  readonly inputDerivations: ReadonlyMap<StorePath, DerivedInputs>;
}

/** The environment variable that carries the structured attributes in formats that have no other place for them. */
export const structuredAttrsVariable: ByteString = brandAs<ByteString>('__json');
