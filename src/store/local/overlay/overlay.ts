import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Reporter, systemErrorText } from '../../../base/index.ts';
import type { StorePath } from '../../../nix-compat/index.ts';
import { StoreError } from '../../error.ts';
import type { Store } from '../../store.ts';

/** What a local store inherits from: its store directory is an overlayfs over another's. */
export interface Overlay {
  /** The store below, which is never changed. */
  readonly lower: Store;
  /** Where its paths are on this machine: absolute. */
  readonly lowerStoreDir: string;
  /** The folder of the overlayfs that has what is ours: absolute. */
  readonly upperLayer: string;
  /** Run with the store directory when that has to be mounted anew. */
  readonly remountHook: string | undefined;
}

/** Where a path of the upper layer is, beside the mount. */
export function upperPlace({ upperLayer }: Overlay, path: StorePath): string {
  return join(upperLayer, path);
}

/** Where only a warning is possible, it says what to do. Throws `store/hook-failed`. */
export async function remount(
  { remountHook }: Overlay,
  { realStoreDir, reporter }: { readonly realStoreDir: string; readonly reporter: Reporter },
): Promise<void> {
  if (remountHook === undefined) {
    reporter.warn(`"${realStoreDir}" needs remounting, set remount-hook to do this automatically`);
    return;
  }
  const child = spawn(remountHook, [realStoreDir], { stdio: ['ignore', 'ignore', 'inherit'] });
  const failure = await new Promise<string | undefined>(resolve => {
    child.once('error', error => resolve(`cannot be executed: ${systemErrorText(error)}`));
    child.once('exit', (status, killer) => {
      if (status === 0) resolve(undefined);
      else resolve(killer === null ? `failed with exit code ${status}` : `failed due to signal ${killer}`);
    });
  });
  if (failure !== undefined) throw new StoreError('store/hook-failed', `program "${remountHook}" ${failure}`);
}
