import { displayBytes } from '../../base/index.ts';
import { booleanType, canonicalPath, decodePercent, optionalAbsolutePathType } from '../../nix-compat/index.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeTraits } from '../store-parameters.ts';
import { readTrustedKeys } from '../trusted-keys.ts';
import { localPlaces } from './local-places.ts';
import { LocalStore } from './local-store.ts';

/** `local`, `local?root=/path` or `/path` */
export function openLocalStore({ authority, parameters, context }: StoreRequest): Promise<Store> {
  const { environment, reporter, settings } = context;
  const traits = takeTraits(parameters, environment.storeDir);
  const path = authority === '' ? undefined : canonicalPath(displayBytes(decodePercent(authority)));
  const place = (name: string) => parameters.take<string | undefined>(name, optionalAbsolutePathType, undefined);
  const chosen = {
    root: parameters.has('root') ? place('root') : path,
    state: place('state'),
    log: place('log'),
    real: place('real'),
    storeDir: traits.storeDir,
    isStoreDirChosen: environment.isStoreDirChosen || parameters.has('store'),
  };
  place('build-dir');
  const requireSignatures = parameters.take('require-sigs', booleanType, settings.get('require-sigs'));
  const readOnly = parameters.take('read-only', booleanType, false);
  parameters.take('ignore-gc-delete-failure', booleanType, false);
  parameters.take('use-roots-daemon', booleanType, false);
  const uri = parameters.formatUri('local://');
  parameters.warnUnknown(reporter);
  if (readOnly) context.requireFeature('read-only-local-store');
  const places = localPlaces(chosen, environment, reporter);
  const { priority = 0, wantMassQuery = false, isTrusted, storeDir } = traits;
  return Promise.resolve(
    new LocalStore({
      ...places,
      storeDir,
      priority,
      wantMassQuery,
      isTrusted,
      uri: uri === 'local://' ? 'local' : uri,
      readOnly,
      requireSignatures,
      trustedKeys: readTrustedKeys(settings),
      reporter,
      autoCollect: {
        minFree: Number(settings.get('min-free')),
        maxFree: Number(settings.get('max-free')),
        checkInterval: Number(settings.get('min-free-check-interval')) * 1000,
        keepOutputs: settings.get('keep-outputs'),
        keepDerivations: settings.get('keep-derivations'),
      },
    }),
  );
}
