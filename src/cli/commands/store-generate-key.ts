import { closeSync, fchmodSync, fsyncSync, openSync } from 'node:fs';
import { type ByteString, displayBytes, systemErrorText } from '../../base/index.ts';
import { SecretKey } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import { fsPathOf, quotePath } from '../paths.ts';
import { writeFully } from '../render/write-fully.ts';
import type { Operands } from './nix-store.ts';

/** `nix-store --generate-binary-cache-key` */
export function storeGenerateKey({ flags, args }: Operands): void {
  const [flag] = flags;
  if (flag !== undefined) throw new CliError('usage/unrecognised-flag', `unknown flag '${displayBytes(flag)}'`);
  const [name, secretFile, publicFile] = args;
  if (name === undefined || secretFile === undefined || publicFile === undefined || args.length !== 3) {
    throw new CliError('usage/unexpected-argument', 'three arguments expected');
  }
  const key = SecretKey.generate(displayBytes(name));
  writeKey(publicFile, key.publicKey.toString(), 0o666);
  writeKey(secretFile, key.format(), 0o600);
}

/** Overwrites; a secret is not readable by others at any time, whatever the mode of the file that was there. */
function writeKey(path: ByteString, text: string, mode: number): void {
  let action = 'opening';
  try {
    const fd = openSync(fsPathOf(path), 'w', mode);
    action = 'writing';
    try {
      if (mode === 0o600) fchmodSync(fd, mode);
      writeFully(fd, Buffer.from(text));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new CliError('output/failed', `${action} file ${quotePath(path)}: ${systemErrorText(cause)}`, { cause });
  }
}
