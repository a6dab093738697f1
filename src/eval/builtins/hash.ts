import { type ByteString, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import {
  type HashAlgorithm,
  type NixHash,
  formatHash,
  hashBytes,
  parseHash,
  parseHashAlgorithm,
  parseHashFormat,
  zeroHash,
} from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import { argument, evalError, forcePlainString, forceSet, forceString, requireAttribute } from './arguments.ts';
import { realisePath } from './realise.ts';
import type { HostBuiltin } from './table.ts';

/** A hash in any form. An empty text is the hash of zeros, which is warned about: it stands for one that is not known yet. */
export function parseHashAllowEmpty(
  evaluator: Evaluator,
  hash: ByteString,
  algorithm: HashAlgorithm | undefined,
): NixHash {
  if (hash !== '') return parseHash(displayBytes(hash), algorithm);
  if (algorithm === undefined) throw evalError`empty hash requires explicit hash algorithm`;
  const zero = zeroHash(algorithm);
  evaluator.warn(`found empty hash, assuming '${formatHash(zero, 'sri')}'`);
  return zero;
}

function readAlgorithm(evaluator: Evaluator, name: ByteString): HashAlgorithm {
  const algorithm = parseHashAlgorithm(displayBytes(name));
  if (algorithm === 'blake3') evaluator.requireFeature('blake3-hashes');
  return algorithm;
}

function hashString(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.hashString';
  const algorithm = readAlgorithm(evaluator, forcePlainString(evaluator, argument(evaluator, args, 0), doing));
  const contentText = 'while evaluating the second argument passed to builtins.hashString';
  const { text } = forceString(evaluator, argument(evaluator, args, 1), contentText);
  return evaluator.core.string(byteStringFromText(formatHash(hashBytes(algorithm, bytesOf(text)), 'base16')));
}

function hashFile(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the first argument passed to builtins.hashFile';
  const algorithm = readAlgorithm(evaluator, forcePlainString(evaluator, argument(evaluator, args, 0), doing));
  const contents = evaluator.files.read(realisePath(evaluator, argument(evaluator, args, 1), 'full'));
  return evaluator.core.string(byteStringFromText(formatHash(hashBytes(algorithm, contents), 'base16')));
}

function convertHash(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const doing = 'while evaluating the first argument passed to builtins.convertHash';
  const attrs = forceSet(evaluator, argument(evaluator, args, 0), doing);
  const locating = (name: string) => requireAttribute(evaluator, attrs, name, `while locating the attribute '${name}'`);
  const read = (name: string, word: Word) =>
    forcePlainString(evaluator, word, `while evaluating the attribute '${name}'`);
  const hash = read('hash', locating('hash').word);
  const named = core.lookup(attrs, core.internText('hashAlgo'));
  const algorithm = named === undefined ? undefined : readAlgorithm(evaluator, read('hashAlgo', named.word));
  const formatName = read('toHashFormat', locating('toHashFormat').word);
  if (formatName === 'base32') evaluator.warn('"base32" is a deprecated alias for hash format "nix32".');
  const format = parseHashFormat(displayBytes(formatName));
  return core.string(byteStringFromText(formatHash(parseHash(displayBytes(hash), algorithm), format)));
}

export const hashBuiltins: readonly HostBuiltin[] = [
  { name: '__hashString', arity: 2, call: hashString },
  { name: '__hashFile', arity: 2, call: hashFile },
  { name: '__convertHash', arity: 1, call: convertHash },
];
