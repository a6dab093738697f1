import { type ByteString, brandAs } from '../base/index.ts';
import {
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  builtPath,
  opaquePath,
  parseStorePath,
} from '../nix-compat/index.ts';

/** What a string depends on: a store object, a derivation with all that it needs, or an output of one. */
export type ContextElement =
  | { readonly kind: 'opaque'; readonly path: StorePath }
  | { readonly kind: 'deep'; readonly path: StorePath }
  | { readonly kind: 'built'; readonly derivation: SingleDerivingPath; readonly output: OutputName };

/** `PATH`, `=DERIVATION` or `!OUTPUT!…!DERIVATION`, the last output first; paths without the store directory. */
export function parseContextElement(element: ByteString): ContextElement {
  if (element.startsWith('=')) return { kind: 'deep', path: parseStorePath(element.slice(1)) };
  if (!element.startsWith('!')) return { kind: 'opaque', path: parseStorePath(element) };
  const [output = '', ...rest] = element.slice(1).split('!');
  const path = parseStorePath(rest.pop() ?? '');
  const derivation = rest.reduceRight<SingleDerivingPath>(
    (inner, name) => builtPath(inner, brandAs<OutputName>(name)),
    opaquePath(path),
  );
  return { kind: 'built', derivation, output: brandAs<OutputName>(output) };
}
