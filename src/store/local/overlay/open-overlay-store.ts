import { byteStringFromText } from '../../../base/index.ts';
import { booleanType, optionalAbsolutePathType, parseStoreReference, stringType } from '../../../nix-compat/index.ts';
import type { StoreRequest } from '../../open-store.ts';
import type { Store } from '../../store.ts';
import { localPlaces } from '../local-places.ts';
import { openLocal, takeLocalParameters } from '../open-local-store.ts';
import { checkMount } from './check-mount.ts';
import { openLowerStore } from './open-lower-store.ts';

/**
 * `local-overlay://?root=/path&lower-store=URI&upper-layer=/path`: a local store over another one, whose store directory is an
 * overlayfs that somebody has mounted (docs/adr/0018). As in C++ Nix 2.34, the feature `local-overlay-store` need not be enabled
 * for it. Throws `store/mounted-incorrectly`, and as `openLocalStore`.
 */
export async function openOverlayStore(request: StoreRequest): Promise<Store> {
  const { parameters, context } = request;
  const { environment, reporter } = context;
  const taken = takeLocalParameters(request);
  const path = (name: string) => parameters.take<string | undefined>(name, optionalAbsolutePathType, undefined);
  const lowerUri = parameters.take('lower-store', stringType, '');
  const upperLayer = path('upper-layer') ?? '';
  const checksMount = parameters.take('check-mount', booleanType, true);
  const remountHook = path('remount-hook');
  parameters.warnUnknown(reporter);
  const { chosen } = taken;
  // The mount is where it is said to be, also where C++ Nix has tables for that place.
  const real = chosen.real ?? (chosen.root === undefined ? chosen.storeDir : undefined);
  const places = localPlaces({ ...chosen, real }, environment, reporter);
  const reference = parseStoreReference(byteStringFromText(lowerUri), { workingDirectory: process.cwd() });
  const { lower, lowerStoreDir } = await openLowerStore(reference, context, folder => {
    if (checksMount) checkMount({ realStoreDir: places.realStoreDir, lowerStoreDir: folder, upperLayer }, reporter);
  });
  try {
    const overlay = { lower, lowerStoreDir, upperLayer, remountHook };
    return openLocal(taken, { places, uri: 'local-overlay://', overlay }, context);
  } catch (error) {
    await lower[Symbol.asyncDispose]();
    throw error;
  }
}
