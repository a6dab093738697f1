import { type ByteString, brandAs } from '../../base/index.ts';
import { entriesInByteOrder, setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { formatJson } from '../json/format-json.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import { type BasicDerivation, type Derivation, type DerivedInputs, structuredAttrsVariable } from './derivation.ts';
import { hasDynamicInputs } from './derivation-type.ts';
import { formatOutputFields } from './output-fields.ts';

/**
 * The bytes of the derivation's `.drv` file, in the ATerm format; the versioned form only where it is needed, for
 * inputs that are outputs of outputs. Output names and the platform are written as they are: no reader can unescape
 * them, and paths depend on these bytes. Throws `derivation/reserved-variable` or as `formatOutputFields`.
 */
export function formatDerivation(storeDir: StoreDir, derivation: Derivation): ByteString {
  const inputs: [string, DerivedInputs][] = [];
  for (const [path, input] of entriesInByteOrder(derivation.inputDerivations)) {
    inputs.push([printStorePath(storeDir, path), input]);
  }
  return formatForHashing(derivation, { storeDir, inputs, maskOutputs: false });
}

export interface HashedForm {
  readonly storeDir: StoreDir;
  /** What stands for the input derivations: their paths or their hashes, in byte order. */
  readonly inputs: Iterable<readonly [string, DerivedInputs]>;
  /** Leaves out the paths of the outputs, and empties the variables that are named after outputs. */
  readonly maskOutputs: boolean;
}

/** As `formatDerivation`, with what the hash modulo replaces. */
export function formatForHashing(derivation: Derivation, form: HashedForm): ByteString {
  const sources = setInByteOrder(derivation.inputSources).map(path => printStorePath(form.storeDir, path));
  return brandAs<ByteString>(
    (hasDynamicInputs(derivation.inputDerivations) ? 'DrvWithVersion("xp-dyn-drv",[' : 'Derive([') +
      formatOutputs(derivation, form) +
      '],[' +
      formatInputs(form.inputs) +
      `],${plainList(sources)},"${derivation.platform}",${quoted(derivation.builder)},` +
      `[${derivation.args.map(quoted).join(',')}],[${formatEnv(derivation, form.maskOutputs)}])`,
  );
}

function formatOutputs(derivation: Derivation, form: HashedForm): string {
  const of = { name: derivation.name, storeDir: form.storeDir };
  const formatted: string[] = [];
  for (const [name, output] of entriesInByteOrder(derivation.outputs)) {
    const { path, mode, hash } = formatOutputFields(output, name, of);
    formatted.push(`("${name}","${form.maskOutputs ? '' : path}","${mode}","${hash}")`);
  }
  return formatted.join(',');
}

function formatInputs(inputs: HashedForm['inputs']): string {
  const formatted: string[] = [];
  for (const [path, input] of inputs) formatted.push(`("${path}",${formatDerivedInputs(input)})`);
  return formatted.join(',');
}

function formatDerivedInputs(input: DerivedInputs): string {
  const outputs = plainList(setInByteOrder(input.outputs));
  if (input.dynamic.size === 0) return outputs;
  const nested: string[] = [];
  for (const [name, child] of entriesInByteOrder(input.dynamic)) {
    nested.push(`("${name}",${formatDerivedInputs(child)})`);
  }
  return `(${outputs},[${nested.join(',')}])`;
}

function formatEnv(derivation: Derivation, maskOutputs: boolean): string {
  const formatted: string[] = [];
  for (const [name, value] of entriesInByteOrder(environmentOf(derivation))) {
    formatted.push(`(${quoted(name)},${maskOutputs && derivation.outputs.has(name) ? '""' : quoted(value)})`);
  }
  return formatted.join(',');
}

/**
 * The environment with the structured attributes in it, for formats that have no other place for them. Throws
 * `derivation/reserved-variable`.
 */
export function environmentOf(derivation: BasicDerivation): ReadonlyMap<ByteString, ByteString> {
  const { env, structuredAttrs } = derivation;
  if (env.has(structuredAttrsVariable)) {
    const message = `Cannot have an environment variable named '${structuredAttrsVariable}'. This key is reserved for encoding structured attrs`;
    throw new NixCompatError('derivation/reserved-variable', message);
  }
  return structuredAttrs === undefined
    ? env
    : new Map([...env, [structuredAttrsVariable, formatJson(structuredAttrs)]]);
}

function plainList(items: readonly string[]): string {
  return items.length === 0 ? '[]' : `["${items.join('","')}"]`;
}

const special = /["\\\n\r\t]/;

function quoted(text: ByteString): string {
  return special.test(text) ? `"${text.replace(/["\\\n\r\t]/g, escape)}"` : `"${text}"`;
}

function escape(character: string): string {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default:
      return `\\${character}`;
  }
}
