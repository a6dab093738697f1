import { type ByteString, brandAs, unreachable } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatHash, parseUnprefixedHash } from '../hash/hash-format.ts';
import { formatOutputHashMode, parseOutputHashMode } from '../store-path/content-address.ts';
import { makeStorePathFromCA, outputPathName } from '../store-path/make-store-path.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import type { DerivationOutput, OutputName } from './derivation.ts';

/** An output as the ATerm format and the worker protocol write it; absent fields are empty. */
export interface OutputFields {
  readonly path: ByteString;
  /** `r:sha256` and the like. */
  readonly mode: ByteString;
  /** In base16, or `impure`. */
  readonly hash: ByteString;
}

/**
 * Throws `derivation/bad-path`, `derivation/bad-output` when the fields contradict each other, or as
 * `parseStorePathIn`, `parseOutputHashMode` and `parseUnprefixedHash`. The path of a fixed output is not compared with
 * the one that follows from its hash: C++ Nix ignores it too.
 */
export function parseOutputFields(storeDir: StoreDir, fields: OutputFields): DerivationOutput {
  const { path, mode, hash } = fields;
  if (mode === '') {
    if (path === '') return { kind: 'deferred' };
    requireAbsolute(path);
    return { kind: 'input-addressed', path: parseStorePathIn(storeDir, path) };
  }
  const { method, algorithm } = parseOutputHashMode(mode);
  if (hash === 'impure') {
    requireNoPath('impure', path);
    return { kind: 'impure', method, algorithm };
  }
  if (hash === '') {
    requireNoPath('content-addressing', path);
    return { kind: 'floating', method, algorithm };
  }
  requireAbsolute(path);
  return { kind: 'fixed', address: { method, hash: parseUnprefixedHash(hash, algorithm) } };
}

/** Of derivation `name`. Throws as `outputPath`. */
export function formatOutputFields(
  output: DerivationOutput,
  outputName: OutputName,
  of: { readonly name: string; readonly storeDir: StoreDir },
): OutputFields {
  switch (output.kind) {
    case 'input-addressed':
      return { path: printStorePath(of.storeDir, output.path), mode: empty, hash: empty };
    case 'fixed': {
      const { method, hash } = output.address;
      return {
        path: printStorePath(of.storeDir, fixedOutputPath(output, outputName, of)),
        mode: brandAs<ByteString>(formatOutputHashMode({ method, algorithm: hash.algorithm })),
        hash: brandAs<ByteString>(formatHash(hash, 'base16')),
      };
    }
    case 'floating':
      return { path: empty, mode: brandAs<ByteString>(formatOutputHashMode(output)), hash: empty };
    case 'impure':
      return { path: empty, mode: brandAs<ByteString>(formatOutputHashMode(output)), hash: impure };
    case 'deferred':
      return { path: empty, mode: empty, hash: empty };
    default:
      return unreachable(output);
  }
}

/**
 * Where the output of derivation `name` will be, or undefined if that shows only when it is built. Throws
 * `store-path/bad-name` or `content-address/not-allowed-algorithm`.
 */
export function outputPath(
  output: DerivationOutput,
  outputName: OutputName,
  of: { readonly name: string; readonly storeDir: StoreDir },
): StorePath | undefined {
  if (output.kind === 'input-addressed') return output.path;
  return output.kind === 'fixed' ? fixedOutputPath(output, outputName, of) : undefined;
}

function fixedOutputPath(
  output: DerivationOutput & { readonly kind: 'fixed' },
  outputName: OutputName,
  of: { readonly name: string; readonly storeDir: StoreDir },
): StorePath {
  return makeStorePathFromCA(of.storeDir, outputPathName(of.name, outputName), output.address);
}

const empty = brandAs<ByteString>('');
const impure = brandAs<ByteString>('impure');

/** Throws `derivation/bad-path`. */
export function requireAbsolute(path: string): void {
  if (path.startsWith('/')) return;
  throw new NixCompatError('derivation/bad-path', `bad path '${excerpt(path)}' in derivation`);
}

function requireNoPath(kind: 'impure' | 'content-addressing', path: string): void {
  if (path === '') return;
  throw new NixCompatError(
    'derivation/bad-output',
    `${kind} derivation output should not specify output path, but has '${excerpt(path)}'`,
  );
}
