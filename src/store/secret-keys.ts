import { readFileSync } from 'node:fs';
import { type ByteString, bytesOf, systemErrorText } from '../base/index.ts';
import {
  type PathInfo,
  type RootClaim,
  SecretKey,
  type StoreDir,
  fingerprintPathInfo,
  fingerprintRoot,
  optionalAbsolutePathType,
  sortSignatures,
  stringType,
} from '../nix-compat/index.ts';
import { StoreError } from './error.ts';
import type { StoreParameters } from './store-parameters.ts';

/**
 * The keys of the parameters `secret-key` and `secret-keys`, which sign what is added. Throws `cache/bad-secret-key`
 * besides what `StoreParameters.take` throws.
 */
export function takeSecretKeys(parameters: StoreParameters): readonly SecretKey[] {
  const key = parameters.take<string | undefined>('secret-key', optionalAbsolutePathType, undefined);
  const more = parameters.take('secret-keys', stringType, '');
  const files = [...(key === undefined ? [] : [key]), ...more.split(',').filter(file => file !== '')];
  return files.map(readSecretKey);
}

function readSecretKey(file: string): SecretKey {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    const message = `cannot read the secret key '${file}': ${systemErrorText(error)}`;
    throw new StoreError('cache/bad-secret-key', message, { cause: error });
  }
  return SecretKey.parse(text);
}

/** `info` with the signatures of `keys` beside its own. */
export function signInfo<Info extends PathInfo>(storeDir: StoreDir, info: Info, keys: readonly SecretKey[]): Info {
  if (keys.length === 0) return info;
  const fingerprint = bytesOf(fingerprintPathInfo(storeDir, info));
  const own = keys.map(key => key.sign(fingerprint));
  return { ...info, signatures: sortSignatures([...info.signatures, ...own]) };
}

/** What `info`'s tree is, vouched for by `keys`. */
export function signRoot(
  storeDir: StoreDir,
  { info, root }: { readonly info: PathInfo; readonly root: ByteString },
  keys: readonly SecretKey[],
): RootClaim {
  const fingerprint = bytesOf(fingerprintRoot(storeDir, info, root));
  return { root, signatures: sortSignatures(keys.map(key => key.sign(fingerprint))) };
}
