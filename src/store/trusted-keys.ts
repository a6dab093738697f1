import { readFileSync } from 'node:fs';
import { errnoOf } from '../base/index.ts';
import { PublicKey, type ReadableSettings, SecretKey } from '../nix-compat/index.ts';

/**
 * The keys, by name, whose signatures count: those of `trusted-public-keys` and of the files of `secret-key-files` that
 * can be read. Throws `key/…`.
 */
export function readTrustedKeys(settings: ReadableSettings): ReadonlyMap<string, PublicKey> {
  const keys = new Map<string, PublicKey>();
  const add = (key: PublicKey): void => {
    if (!keys.has(key.name)) keys.set(key.name, key);
  };
  for (const text of settings.get('trusted-public-keys')) add(PublicKey.parse(text));
  for (const file of settings.get('secret-key-files')) {
    const text = readIfAllowed(file);
    if (text !== undefined) add(SecretKey.parse(text).publicKey);
  }
  return keys;
}

/** Where several users share a machine, secret keys are not for all of them. */
function readIfAllowed(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Those of `secret-key-files`. Throws `key/…` and, for a file that cannot be read, the system's error. */
export function readSecretKeys(settings: ReadableSettings): SecretKey[] {
  return settings.get('secret-key-files').map(file => SecretKey.parse(readFileSync(file, 'utf8')));
}
