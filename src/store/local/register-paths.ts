import type { CallOptions } from '../../castore/index.ts';
import type { Registration } from '../../nix-compat/index.ts';
import type { LocalStore } from './local-store.ts';
import { PathAdder } from './path-adder.ts';
import { stageFromDisk } from './stage-from-disk.ts';

export interface RegisterOptions extends CallOptions {
  /** Whether paths that are valid already are registered anew, too. */
  readonly reregister?: boolean;
}

/**
 * Makes paths valid that lie in the store directory already (`nix-store --register-validity`, `--load-db`), reading each
 * once; they get the modes and times that store paths have. A path is valid only after what it refers to: when one fails,
 * those before it stay valid. Throws `path/hash-mismatch`, `path/missing-reference`, `path/cycle`.
 */
export async function registerPaths(
  store: LocalStore,
  registrations: readonly Registration[],
  { reregister = false, signal }: RegisterOptions = {},
): Promise<void> {
  store.requireWritable();
  const paths = registrations.flatMap(({ path, references }) => [path, ...references]);
  const valid = await store.writer.keep(paths, { signal });
  const stage = (registration: Registration) => ({
    references: registration.references,
    stage: (stop: AbortSignal) => stageFromDisk(store, registration, stop),
  });
  const wanted = registrations.filter(({ path }) => reregister || !valid.has(path));
  const adder = new PathAdder(store, new Map(wanted.map(each => [each.path, [stage(each)]])), {
    valid,
    repair: reregister,
    replace: true,
    signal,
  });
  await adder.run();
}
