import type { StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openSubstituters } from '../open-substituters.ts';

export interface Prebuilt {
  readonly valid: ReadonlySet<StorePath>;
  /** Those that some substituter has. */
  readonly substitutable: ReadonlySet<StorePath>;
}

/** Which of `paths` need not be built. */
export async function findPrebuilt(
  store: Store,
  paths: readonly StorePath[],
  context: CommandContext,
): Promise<Prebuilt> {
  const { signal } = context;
  await using open = openSubstituters(store, context);
  const valid = await store.validPaths(paths, { signal });
  const substitutable = new Set<StorePath>();
  for (const path of new Set(paths)) {
    if ((await open.substituters.find(path, { signal })) !== undefined) substitutable.add(path);
  }
  return { valid, substitutable };
}
