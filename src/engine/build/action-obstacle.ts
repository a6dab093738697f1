import { realpathSync, statSync } from 'node:fs';
import {
  type BasicDerivation,
  type DerivationOptions,
  derivationTypeOf,
  isBuiltinBuilder,
  isSandboxed,
} from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { BuildSettings } from './build-settings.ts';
import { needsManyIds } from './choose-place.ts';

/**
 * Why a derivation's builder cannot be an action of remote execution, for what comes after "it": it has no network, no ids
 * but one, and is a program. Undefined where it can be one, as far as the derivation goes.
 */
export function actionObstacle(derivation: BasicDerivation, options: DerivationOptions<unknown>): string | undefined {
  if (isBuiltinBuilder(derivation)) return 'has a builder that is built in';
  const type = derivationTypeOf(derivation);
  if (!isSandboxed(type))
    return `has ${type === 'fixed' ? 'a fixed output' : 'impure outputs'}, for which it may use the network`;
  if (options.noChroot) return "has '__noChroot'";
  return needsManyIds(options) ? "requires 'uid-range'" : undefined;
}

/**
 * The files of this machine that an action's builder sees, by where it does. Undefined where there are folders among them: an
 * action cannot name those, and what is in the store would have to be named with its closure.
 */
export function actionFiles(
  { storeDir }: Pick<LocalStore, 'storeDir'>,
  { sandboxPaths }: Pick<BuildSettings, 'sandboxPaths'>,
): ReadonlyMap<string, string> | undefined {
  const files = new Map<string, string>();
  for (const [target, { source, optional }] of sandboxPaths) {
    const stats = statSync(source, { throwIfNoEntry: false });
    if (stats === undefined && optional) continue;
    if (stats?.isFile() !== true || source.startsWith(`${storeDir}/`)) return undefined;
    // What a symlink leads to is not there.
    files.set(target, realpathSync(source));
  }
  return files;
}
