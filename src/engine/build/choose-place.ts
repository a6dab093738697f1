import { existsSync } from 'node:fs';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type DerivationOptions,
  derivationTypeOf,
  isBuiltinBuilder,
  isSandboxed,
  printStorePath,
} from '../../nix-compat/index.ts';
import { BuildError } from '../error.ts';
import { nestedModeOf, requireNested } from '../nested/nested-mode.ts';
import type { BuildContext } from './build-context.ts';
import { builderHome } from './build-environment.ts';
import type { BuildJob } from './derivation-builder.ts';
import { findExternalBuilder } from './external-builder.ts';

/** `external`: where another program has it run. `here`: in this process. */
export type BuilderPlace = 'sandbox' | 'host' | 'external' | 'here';

/** Many user ids for one build. */
const manyIds = byteStringFromText('uid-range');

export function needsManyIds({ requiredSystemFeatures }: Pick<DerivationOptions<unknown>, 'requiredSystemFeatures'>) {
  return requiredSystemFeatures.has(manyIds);
}

/**
 * Where a builder runs: in a sandbox, on the host, or, if it is one of ours, in this process. Throws `BuildError` where it
 * may not run in the only place there is.
 */
export async function choosePlace(
  context: BuildContext,
  job: BuildJob,
  options: DerivationOptions<unknown>,
): Promise<BuilderPlace> {
  const place = await choose(context, job, options);
  if (place !== 'sandbox' && needsManyIds(options))
    throw new BuildError('InputRejected', "feature 'uid-range' is only supported in sandboxed builds");
  return place;
}

async function choose(
  context: BuildContext,
  { path, derivation }: BuildJob,
  options: DerivationOptions<unknown>,
): Promise<BuilderPlace> {
  const { store, settings, executor } = context;
  const printed = displayBytes(printStorePath(store.storeDir, path));
  const mode = nestedModeOf(options);
  if (mode !== undefined) requireNested(store, { path, derivation }, { mode, settings });
  if (findExternalBuilder(derivation, settings) !== undefined) {
    if (mode === undefined) return 'external';
    const feature = mode === 'build' ? 'recursive-nix' : 'builder-rpc-v0';
    throw new BuildError('InputRejected', `'${feature}' is not supported yet by external derivation builders`);
  }
  if (settings.sandbox === 'true' && options.noChroot) {
    const message = `derivation '${printed}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'`;
    throw new BuildError('InputRejected', message);
  }
  if (isBuiltinBuilder(derivation)) return 'here';
  const isPrivate = store.realStoreDir !== store.storeDir;
  const isAsked =
    settings.sandbox === 'true' ||
    (settings.sandbox === 'relaxed' && isSandboxed(derivationTypeOf(derivation)) && !options.noChroot);
  if (isAsked || isPrivate) {
    const obstacle = await executor.sandboxObstacle();
    if (obstacle === undefined) return 'sandbox';
    if (isPrivate) {
      const message = `cannot build '${printed}': the store's paths are at '${store.realStoreDir}', which builders can see as '${store.storeDir}' in a sandbox alone, but ${obstacle}`;
      throw new BuildError('MiscFailure', message);
    }
    if (!settings.sandboxFallback) {
      const message = `this system does not support the kernel namespaces that are required for sandboxing; use '--no-sandbox' to disable sandboxing (${obstacle})`;
      throw new BuildError('MiscFailure', message);
    }
  }
  if (existsSync(builderHome)) {
    const message = `home directory "${builderHome}" exists; please remove it to assure purity of builds without sandboxing`;
    throw new BuildError('MiscFailure', message);
  }
  return 'host';
}
