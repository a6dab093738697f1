import { displayBytes, messageOf } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivationOptions,
  NixCompatError,
  type StorePath,
  parseDerivationOptions,
  printStorePath,
  resolveDerivationOptions,
} from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import type { BuildJob } from './derivation-builder.ts';

/** What a derivation asks of whoever builds it. Throws `BuildError`. */
export function readOptions({ storeDir }: Pick<LocalStore, 'storeDir'>, job: BuildJob): DerivationOptions<StorePath> {
  const printed = displayBytes(printStorePath(storeDir, job.path));
  try {
    // All inputs are store paths: there is nothing to be looked up.
    const options = resolveDerivationOptions(parseOptions({ storeDir }, job.derivation), () => undefined);
    if (options !== undefined) return options;
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    const message = `${messageOf(error)}, while parsing derivation '${printed}'`;
    throw new BuildError('InputRejected', message, { cause: error });
  }
  throw new BuildError('InputRejected', `derivation '${printed}' refers to outputs that are not built`);
}

/** As it is written. Throws `NixCompatError`. */
export function parseOptions(
  { storeDir }: Pick<LocalStore, 'storeDir'>,
  derivation: BasicDerivation,
): DerivationOptions {
  return parseDerivationOptions(storeDir, { ...derivation, inputDerivations: new Map() });
}
