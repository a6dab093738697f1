import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromText } from '../../base/index.ts';

/** The bash program that writes a derivation's environment, as `buildEnvironmentFromJson` reads it. */
export function environmentScript(): ByteString {
  const isSource = import.meta.filename.endsWith('.ts');
  const folder = join(import.meta.dirname, isSource ? '../../../share' : '../share');
  return byteStringFromText(readFileSync(join(folder, 'get-env.sh'), 'utf8'));
}
