import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { EngineError } from '../error.ts';
import type { BuiltinBuild } from './builtin-builder.ts';

const out = byteStringFromText('out');

/** An environment variable of the derivation that its builder cannot do without. Throws `builtin/missing-attribute`. */
export function requireVariable({ derivation }: BuiltinBuild, name: string): ByteString {
  const value = derivation.env.get(byteStringFromText(name));
  if (value !== undefined) return value;
  throw new EngineError('builtin/missing-attribute', `attribute '${name}' missing`);
}

/** Whether a variable says yes, which it does by `1`. */
export function isEnabled({ derivation }: BuiltinBuild, name: string): boolean {
  return derivation.env.get(byteStringFromText(name)) === '1';
}

/** Where output `out` is to be made. Throws `builtin/no-out`. */
export function requireOut({ derivation, outputs }: BuiltinBuild): string {
  const place = outputs.get(out);
  if (place !== undefined) return place;
  throw new EngineError('builtin/no-out', `'${derivation.builder}' requires an 'out' output`);
}
