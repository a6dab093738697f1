import type { StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openSubstituters } from '../open-substituters.ts';

export interface Prebuilt {
  readonly valid: ReadonlySet<StorePath>;
  /** Those that some substituter has which may be asked for many. */
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
  const substitutable = await open.substituters.findSubstitutable(paths, { signal });
  return { valid, substitutable };
}
