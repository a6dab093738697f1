import type { Sandbox } from '../../exec/index.ts';
import { nestedModeOf } from '../nested/nested-mode.ts';
import { actionFiles, actionObstacle } from './action-obstacle.ts';
import type { BuildContext } from './build-context.ts';
import type { BuilderProcess, DerivationActions } from './derivation-actions.ts';
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
  if (actions === undefined || job.mode !== 'normal') return undefined;
  if (actionObstacle(job.derivation, options) !== undefined || nestedModeOf(options) !== undefined) return undefined;
  if (place.personality?.linux26 === true || place.personality?.linux32 === true) return undefined;
  if (maxSilentTime > 0 || maxLogSize > 0 || preBuildHook !== '') return undefined;
  const files = actionFiles(store, settings);
  if (files === undefined) return undefined;
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
