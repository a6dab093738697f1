import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromText, packageFolder } from '../../base/index.ts';

/** The bash program that writes a derivation's environment, as `buildEnvironmentFromJson` reads it. */
export function environmentScript(): ByteString {
  return byteStringFromText(readFileSync(join(packageFolder(), 'share/get-env.sh'), 'utf8'));
}
