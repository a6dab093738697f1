import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { displayBytes, errnoOf } from '../../base/index.ts';
import { CastoreError } from '../../castore/index.ts';
import { booleanType, canonicalPath, decodePercent, optionalAbsolutePathType } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeStoreFiles, takeTraits } from '../store-parameters.ts';
import { readSecretKeys, readTrustedKeys } from '../trusted-keys.ts';
import { localPlaces } from './local-places.ts';
import { LocalStore, type LocalStoreOptions } from './local-store.ts';

/** `local`, `local?root=/path` or `/path` */
export function openLocalStore({ authority, parameters, context }: StoreRequest): Promise<Store> {
  const { environment, reporter, settings } = context;
  const traits = takeTraits(parameters, environment.storeDir);
  const path = authority === '' ? undefined : canonicalPath(displayBytes(decodePercent(authority)));
  const files = takeStoreFiles(parameters);
  const chosen = {
    ...files,
    root: files.root ?? path,
    storeDir: traits.storeDir,
    isStoreDirChosen: environment.isStoreDirChosen || parameters.has('store'),
  };
  parameters.take<string | undefined>('build-dir', optionalAbsolutePathType, undefined);
  const requireSignatures = parameters.take('require-sigs', booleanType, settings.get('require-sigs'));
  const readOnly = parameters.take('read-only', booleanType, false);
  parameters.take('ignore-gc-delete-failure', booleanType, false);
  parameters.take('use-roots-daemon', booleanType, false);
  const uri = parameters.formatUri('local://');
  parameters.warnUnknown(reporter);
  if (readOnly) context.requireFeature('read-only-local-store');
  const places = localPlaces(chosen, environment, reporter);
  const { priority = 0, wantMassQuery = false, isTrusted, storeDir, systemFeatures } = traits;
  let trustedKeys: ReturnType<typeof readTrustedKeys> | undefined;
  let secretKeys: ReturnType<typeof readSecretKeys> | undefined;
  const options = {
    ...places,
    storeDir,
    priority,
    wantMassQuery,
    isTrusted,
    systemFeatures,
    uri: uri === 'local://' ? 'local' : uri,
    readOnly,
    requireSignatures,
    get trustedKeys() {
      return (trustedKeys ??= readTrustedKeys(settings));
    },
    get secretKeys() {
      return (secretKeys ??= readSecretKeys(settings));
    },
    reporter,
    get linksSmallFiles() {
      return settings.get('auto-optimise-store');
    },
    autoCollect: {
      minFree: Number(settings.get('min-free')),
      maxFree: Number(settings.get('max-free')),
      checkInterval: Number(settings.get('min-free-check-interval')) * 1000,
      keepOutputs: settings.get('keep-outputs'),
      keepDerivations: settings.get('keep-derivations'),
    },
  };
  return Promise.resolve(open(options));
}

function open(options: LocalStoreOptions): LocalStore {
  try {
    return new LocalStore(options);
  } catch (cause) {
    const { dataFolder } = options;
    if (!(cause instanceof CastoreError) || !isForbidden(join(dataFolder, 'db'))) throw cause;
    const hint = 'This command may have been run as non-root in a single-user Nix installation,';
    const message = `${cause.message}\n${hint}\nor the Nix daemon may have crashed.`;
    throw new StoreError('store/forbidden', message, { cause });
  }
}

/** Whether `folder` is there and may not be written to. */
function isForbidden(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? '');
  }
}
