import { type ByteString, brandAs } from '../../base/index.ts';
import { setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { expectArray, expectString } from '../json/expect-json.ts';
import type { JsonValue } from '../json/json-value.ts';
import { checkStorePathName } from '../store-path/store-path.ts';
import type { OutputName } from './derivation.ts';

/** Which outputs of a derivation are meant. Names are in byte order. */
export type OutputsSpec = { readonly kind: 'all' } | { readonly kind: 'names'; readonly names: readonly OutputName[] };

export const allOutputs: OutputsSpec = { kind: 'all' };

export function namedOutputs(names: readonly OutputName[]): OutputsSpec {
  return { kind: 'names', names: setInByteOrder(names) };
}

/** Parses `*` or `out,dev`. Throws `deriving-path/bad-output`. */
export function parseOutputsSpec(text: ByteString): OutputsSpec {
  if (text === '*') return allOutputs;
  const names = text.split(',').map(name => brandAs<ByteString>(name));
  for (const name of names) {
    try {
      checkStorePathName(name);
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      const message = `invalid outputs '${excerpt(text)}': ${error.message}`;
      throw new NixCompatError('deriving-path/bad-output', message, { cause: error });
    }
  }
  return namedOutputs(names);
}

export function formatOutputsSpec(spec: OutputsSpec): ByteString {
  return brandAs<ByteString>(spec.kind === 'all' ? '*' : spec.names.join(','));
}

/** A text before `^` and the outputs after it; undefined when it has no `^` and so leaves them open. */
export interface ExtendedOutputsSpec {
  readonly prefix: ByteString;
  readonly outputs: OutputsSpec | undefined;
}

/** Splits an installable's `^out,dev` or `^*` off. Throws `deriving-path/bad-output`. */
export function splitOutputsSpec(text: ByteString): ExtendedOutputsSpec {
  const caret = text.lastIndexOf('^');
  if (caret < 0) return { prefix: text, outputs: undefined };
  return {
    prefix: brandAs<ByteString>(text.slice(0, caret)),
    outputs: parseOutputsSpec(brandAs<ByteString>(text.slice(caret + 1))),
  };
}

export function hasOutput(spec: OutputsSpec, output: OutputName): boolean {
  return spec.kind === 'all' || spec.names.includes(output);
}

export function uniteOutputsSpecs(a: OutputsSpec, b: OutputsSpec): OutputsSpec {
  return a.kind === 'all' || b.kind === 'all' ? allOutputs : namedOutputs([...a.names, ...b.names]);
}

/** Whether every output that `part` means is among those that `whole` means, whatever outputs there are. */
export function isOutputsSubset(part: OutputsSpec, whole: OutputsSpec): boolean {
  if (whole.kind === 'all') return true;
  const names = new Set(whole.names);
  return part.kind === 'names' && part.names.every(name => names.has(name));
}

/** `["*"]` or the names. */
export function outputsSpecToJson(spec: OutputsSpec): JsonValue {
  return spec.kind === 'all' ? [brandAs<ByteString>('*')] : spec.names;
}

/** Throws `json/wrong-type`. */
export function outputsSpecFromJson(json: JsonValue): OutputsSpec {
  const names = expectArray(json).map(expectString);
  return names.length > 0 && names.every(name => name === '*') ? allOutputs : namedOutputs(names);
}
