import { displayBytes, emphasise } from '../../base/index.ts';
import { CastoreError } from '../../castore/index.ts';
import { NixCompatError, type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../../store/index.ts';
import { BuildError } from '../error.ts';

/** What a builder left is not what its outputs may be. */
export function rejection(message: string, options?: ErrorOptions): BuildError {
  return new BuildError('OutputRejected', message, options);
}

/** A store path in a message of C++ Nix's. */
export function shownPath(storeDir: StoreDir, path: StorePath): string {
  return emphasise(displayBytes(printStorePath(storeDir, path)));
}

/** A file in a message of C++ Nix's, which quotes it, too. */
export function shownFile(path: string): string {
  return emphasise(`"${path}"`);
}

/** Trees that cannot be taken over, and references that a content address cannot carry, are the builder's doing. */
const builderFaults = /^(?:tree|directory|nar|content|content-address|references)\//;

/** Does something with what a builder left; what is wrong with that becomes a `BuildError`. */
export async function rejecting<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const known = error instanceof CastoreError || error instanceof NixCompatError || error instanceof StoreError;
    if (!known || !builderFaults.test(error.code)) throw error;
    throw rejection(messageOf(error), { cause: error });
  }
}

function messageOf(error: CastoreError | NixCompatError | StoreError): string {
  if (!(error instanceof CastoreError) || error.path === undefined) return error.message;
  return `file ${shownFile(error.path)} has an unsupported type`;
}
