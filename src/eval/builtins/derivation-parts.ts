import { type ByteString, brandAs, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import {
  type ContentAddressMethod,
  type DerivationOutput,
  type OutputName,
  formatHash,
  formatOutputFields,
  isHashAlgorithm,
  parseContentAddressMethod,
  parseStorePath,
} from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { parseHashAllowEmpty } from './hash.ts';

/** What the core asks for while it makes derivations (src/core/host.ts). Addresses of StringObjects are 0 for none. */

const out = brandAs<OutputName>('out');

interface FixedOutputStrings {
  readonly name: number;
  readonly hash: number;
  readonly algorithm: number;
  readonly mode: number;
}

/** Writes the addresses of an output's printed path, method with algorithm, and hash. */
export function writeFixedOutput(evaluator: Evaluator, strings: FixedOutputStrings, to: number): void {
  const { core, io } = evaluator;
  const text = (address: number) => (address === 0 ? undefined : core.memory.string(address));
  const algorithm = text(strings.algorithm);
  const output = fixedOutputOf(evaluator, {
    hash: core.memory.string(strings.hash),
    algorithm,
    method: methodOf(text(strings.mode)),
  });
  const name = displayBytes(core.memory.string(strings.name));
  const fields = formatOutputFields(output, out, { name, storeDir: io.storeDir });
  for (const [index, field] of [fields.path, fields.mode, fields.hash].entries()) {
    core.memory.setU32(to + index * 4, core.newString(field));
  }
}

/** Of a mode that is in order. */
function methodOf(mode: ByteString | undefined): ContentAddressMethod {
  if (mode === undefined) return 'flat';
  return mode === 'recursive' ? 'nar' : parseContentAddressMethod(mode);
}

/** An output with a known hash. An algorithm that is unknown is none: the hash has to say what it is then. */
export function fixedOutputOf(
  evaluator: Evaluator,
  from: {
    readonly hash: ByteString;
    readonly algorithm: ByteString | undefined;
    readonly method: ContentAddressMethod;
  },
): DerivationOutput {
  const algorithm = from.algorithm !== undefined && isHashAlgorithm(from.algorithm) ? from.algorithm : undefined;
  const hash = parseHashAllowEmpty(evaluator, from.hash, algorithm);
  return { kind: 'fixed', address: { method: from.method, hash } };
}

/** Address of the digits of the hash modulo of an output; 0 where that is not known yet, or there is no such output. */
export function moduloHashOf(evaluator: Evaluator, derivation: number, output: number): number {
  const { core, derivationHasher } = evaluator;
  const path = parseStorePath(core.memory.string(derivation));
  const { kind, hashes } = derivationHasher.hashOfPath(path);
  const hash = hashes.get(brandAs<OutputName>(core.memory.string(output)));
  if (kind === 'deferred' || hash === undefined) return 0;
  const digits = byteStringFromLatin1(formatHash(hash, 'base16'));
  const address = core.exports.allocate(digits.length);
  core.memory.setByteString(address, digits);
  return address;
}

/** The context of all that a derivation needs, and of all outputs of the derivations among that. */
export function closureContextOf(evaluator: Evaluator, element: number): number {
  const { core } = evaluator;
  const elements: ByteString[] = [];
  for (const path of evaluator.closureOf(parseStorePath(core.nameOf(element).slice(1)))) {
    elements.push(brandAs<ByteString>(path));
    const derivation = path.endsWith('.drv') ? evaluator.findDerivation(path) : undefined;
    for (const output of derivation?.outputs.keys() ?? []) elements.push(brandAs<ByteString>(`!${output}!${path}`));
  }
  return core.newContext(elements);
}
