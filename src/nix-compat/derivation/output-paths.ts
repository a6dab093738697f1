import { type ByteString, displayBytes } from '../../base/index.ts';
import { mapInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { makeOutputPath } from '../store-path/make-store-path.ts';
import { printStorePath } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import { type DerivationHasher, hashOfOutput } from './derivation-hasher.ts';
import { derivationNameOf } from './derivation-path.ts';
import { derivationTypeOf } from './derivation-type.ts';
import type { Derivation, DerivationOutput, OutputName } from './derivation.ts';
import { outputPath } from './output-fields.ts';

/**
 * Completes a derivation: deferred outputs get their paths where these can be known by now, and the variable named
 * after such an output, or after a fixed one, gets the path where it is absent or empty. (Absent is not empty to the hash: as in C++ Nix, what
 * was completed so does not pass `checkOutputPaths`.) Throws `derivation/wrong-output` or
 * `derivation/wrong-variable` for what is there and does not fit, or as `DerivationHasher.hash`.
 */
export function fillOutputPaths(derivation: Derivation, hasher: DerivationHasher): Derivation {
  const paths = outputPathsOf(derivation, hasher);
  const outputs = new Map<OutputName, DerivationOutput>();
  const env = new Map(derivation.env);
  for (const [name, output] of derivation.outputs) {
    const path = paths.get(name);
    outputs.set(name, output.kind === 'deferred' && path !== undefined ? { kind: 'input-addressed', path } : output);
    if (path === undefined || output.kind === 'input-addressed') continue;
    const present = env.get(name);
    const printed = printStorePath(hasher.storeDir, path);
    if (present === undefined || present === '') env.set(name, printed);
    else requireVariable(name, present, printed);
  }
  return { ...derivation, outputs, env: mapInByteOrder(env) };
}

/**
 * Holds the outputs of a derivation against what follows from the rest of it, and so the variables named after them,
 * but for those of input-addressed outputs, which C++ Nix does not look at when the paths are right. Throws `derivation/wrong-output`, `derivation/wrong-variable`, or as `DerivationHasher.hash`. Calls `warn` for a
 * deferred output that need not be, which C++ Nix tolerates.
 */
export function checkOutputPaths(
  derivation: Derivation,
  hasher: DerivationHasher,
  warn: (message: string) => void = () => {},
): void {
  for (const [name, path] of outputPathsOf(derivation, hasher)) {
    const kind = derivation.outputs.get(name)?.kind;
    if (kind === 'input-addressed') continue;
    const printed = printStorePath(hasher.storeDir, path);
    if (kind === 'deferred') {
      warn(
        `derivation has incorrect deferred output, should be '${printed}'.\n` +
          'This will be an error in future versions of Nix; compatibility of CA derivations will be broken.',
      );
    }
    requireVariable(name, derivation.env.get(name), printed);
  }
}

/** As `checkOutputPaths`, for a derivation that is or will be at `path`; throws `derivation/wrong-name` too. */
export function checkDerivation(
  derivation: Derivation,
  path: StorePath,
  hasher: DerivationHasher,
  warn?: (message: string) => void,
): void {
  const printed = printStorePath(hasher.storeDir, path);
  if (derivation.name !== derivationNameOf(path)) {
    const message = `derivation '${printed}' has name '${displayBytes(derivation.name)}' which does not match its path`;
    throw new NixCompatError('derivation/wrong-name', message);
  }
  try {
    checkOutputPaths(derivation, hasher, warn);
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    const message = `${error.message}, while checking derivation '${printed}'`;
    throw new NixCompatError(error.code, message, { cause: error });
  }
}

/**
 * The paths of those outputs whose paths can be known before a build. Throws `derivation/wrong-output` for an
 * input-addressed output that has another path, or as `DerivationHasher.hash`.
 */
export function outputPathsOf(derivation: Derivation, hasher: DerivationHasher): ReadonlyMap<OutputName, StorePath> {
  const { storeDir } = hasher;
  const { name } = derivation;
  const type = derivationTypeOf(derivation);
  const paths = new Map<OutputName, StorePath>();
  const modulo =
    type === 'input-addressed' || type === 'deferred' ? hasher.hash(derivation, { maskOutputs: true }) : undefined;
  for (const [outputName, output] of derivation.outputs) {
    const actual = outputPath(output, outputName, { name, storeDir });
    const expected =
      modulo?.kind === 'regular'
        ? makeOutputPath(storeDir, outputName, hashOfOutput(modulo, outputName, name), name)
        : undefined;
    if (output.kind === 'input-addressed' && actual !== expected) {
      const should = expected === undefined ? 'deferred' : `'${printStorePath(storeDir, expected)}'`;
      const message = `derivation has incorrect output '${printStorePath(storeDir, output.path)}', should be ${should}`;
      throw new NixCompatError('derivation/wrong-output', message);
    }
    const path = expected ?? actual;
    if (path !== undefined) paths.set(outputName, path);
  }
  return paths;
}

function requireVariable(name: OutputName, present: ByteString | undefined, path: ByteString): void {
  if (present === path) return;
  const shown = displayBytes(name);
  const message =
    present === undefined
      ? `derivation has missing environment variable '${shown}', should be '${path}' but is not present`
      : `derivation has incorrect environment variable '${shown}', should be '${path}' but is actually '${displayBytes(present)}'`;
  throw new NixCompatError('derivation/wrong-variable', message);
}
