import { readlinkSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';
import { type ChosenPackage, addWantedObjects, makeUserEnvironment } from '../../engine/index.ts';
import { type DerivingPath, type StorePath, allOutputs, opaquePath } from '../../nix-compat/index.ts';
import { type Store, createGeneration, lockProfile, requireFacet, switchLink } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import type { Realising } from '../installables/realising.ts';
import type { PackageSource } from './package-source.ts';

/** What tells whether a profile was changed since it was looked at. */
export type ProfileToken = string;

export function profileToken(profile: string): ProfileToken {
  try {
    return readlinkSync(profile);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

export interface WriteEnvironmentOptions {
  readonly profile: string;
  /** Taken before it was asked what is installed. */
  readonly token: ProfileToken;
  /** Whose evaluation the packages are of. */
  readonly source: PackageSource;
  readonly context: CommandContext;
  readonly realising: Realising;
}

/**
 * Builds the environment that `packages` make and lets the profile lead to it. False where somebody else changed the
 * profile meanwhile: then it is to be tried again.
 */
export async function writeEnvironment(
  store: Store,
  packages: readonly ChosenPackage[],
  { profile, token, source, context, realising }: WriteEnvironmentOptions,
): Promise<boolean> {
  const { log, signal, settings } = context;
  const collector = requireFacet(store, 'collector', 'addPermRoot');
  log.log('debug', 'building user environment dependencies');
  await realising.realise(packages.flatMap(toDerivingPaths), { failureStatus: 'telling' });
  const elements = await source.evaluation.perform(() => packages.map(each => ({ ...each, outputs: each.outputs() })));
  await source.evaluation.commit();
  await collector.addTemporaryRoots(elements.flatMap(({ outputs }) => [...outputs.values()]));
  const environment = makeUserEnvironment(store.storeDir, elements, {
    derivations: settings.get('keep-env-derivations'),
  });
  await addWantedObjects(store, environment.objects, { signal });
  log.log('debug', 'building user environment');
  await realising.realise([allOf(environment.derivation)], { failureStatus: 'telling' });
  using _lock = await lockProfile(profile, signal);
  if (profileToken(profile) !== token) {
    log.log('info', `profile "${profile}" changed while we were busy; restarting`);
    return false;
  }
  log.log('debug', 'switching to new user environment');
  switchLink(profile, await createGeneration(collector, profile, environment.outPath));
  return true;
}

/** What has to be made valid for it: all that its derivation makes, else its path. */
export function toDerivingPaths({ drvPath, outPath }: ChosenPackage): DerivingPath[] {
  return [drvPath === undefined ? opaquePath(outPath) : allOf(drvPath)];
}

function allOf(derivation: StorePath): DerivingPath {
  return { kind: 'built', derivation: opaquePath(derivation), outputs: allOutputs };
}
