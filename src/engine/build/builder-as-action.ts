import { statSync } from 'node:fs';
import { derivationTypeOf, isSandboxed } from '../../nix-compat/index.ts';
import type { Sandbox } from '../../exec/index.ts';
import type { BuildContext } from './build-context.ts';
import type { BuilderProcess, DerivationActions } from './derivation-actions.ts';
import { nestedModeOf } from '../nested/nested-mode.ts';
import { needsManyIds } from './choose-place.ts';
import type { PreparedBuild } from './run-builder.ts';

type ActionParts = Omit<BuilderProcess, 'program' | 'argv' | 'environment'> & { readonly actions: DerivationActions };

/**
 * What a builder is as an action beside its command, if builders are to be actions and it can be one: it has no network, it
 * is run for its outputs alone, and all that it sees besides store paths are plain files.
 */
export function builderAsAction(
  { actions, store, settings }: BuildContext,
  prepared: PreparedBuild,
  place: Sandbox,
): ActionParts | undefined {
  const { request, realFolder, folder, outputs, scratch, output } = prepared;
  const { job, options, inputs, signal } = request;
  const { timeout, maxSilentTime, maxLogSize, preBuildHook } = settings;
  if (actions === undefined || job.mode !== 'normal' || needsManyIds(options)) return undefined;
  if (nestedModeOf(options) !== undefined) return undefined;
  if (!isSandboxed(derivationTypeOf(job.derivation)) || options.noChroot) return undefined;
  if (place.personality?.linux26 === true || place.personality?.linux32 === true) return undefined;
  if (maxSilentTime > 0 || maxLogSize > 0 || preBuildHook !== '') return undefined;
  const files = new Map<string, string>();
  for (const [target, { source, optional }] of settings.sandboxPaths) {
    const stats = statSync(source, { throwIfNoEntry: false });
    if (stats === undefined && optional) continue;
    // A folder of the machine is what an action cannot name; one of the store would have to be named with its closure.
    if (stats?.isFile() !== true || source.startsWith(`${store.storeDir}/`)) return undefined;
    files.set(target, source);
  }
  const places = new Map(
    Array.from(scratch, ([name, path]) => [path, outputs.get(name) ?? store.realPath(path)] as const),
  );
  return {
    actions,
    inputs,
    folder: realFolder,
    folderInside: folder,
    files,
    outputs: places,
    owner: place.outsideUser,
    timeout: timeout > 0 ? timeout * 1000 : undefined,
    signal,
    output,
  };
}
