import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { displayBytes, errnoOf } from '../../base/index.ts';
import { CastoreError } from '../../castore/index.ts';
import { booleanType, canonicalPath, decodePercent, optionalAbsolutePathType } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { OpenStoreContext, StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { type StoreTraits, takeStoreFiles, takeTraits } from '../store-parameters.ts';
import { readSecretKeys, readTrustedKeys } from '../trusted-keys.ts';
import { type ChosenPlaces, type LocalPlaces, localPlaces } from './local-places.ts';
import { LocalStore, type LocalStoreOptions } from './local-store.ts';

/** What the URI of a local store says, of whatever kind. */
export interface LocalParameters {
  readonly chosen: ChosenPlaces;
  readonly traits: StoreTraits;
  readonly requireSignatures: boolean;
  readonly readOnly: boolean;
}

/** Throws what `StoreParameters.take` and `parseStoreDir` throw. */
export function takeLocalParameters({ authority, parameters, context }: StoreRequest): LocalParameters {
  const { environment, settings } = context;
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
  return { chosen, traits, requireSignatures, readOnly };
}

/** `local`, `local?root=/path` or `/path` */
export function openLocalStore(request: StoreRequest): Promise<Store> {
  const { parameters, context } = request;
  const taken = takeLocalParameters(request);
  const uri = parameters.formatUri('local://');
  parameters.warnUnknown(context.reporter);
  if (taken.readOnly) context.requireFeature('read-only-local-store');
  const places = localPlaces(taken.chosen, context.environment, context.reporter);
  return Promise.resolve(openLocal(taken, { places, uri: uri === 'local://' ? 'local' : uri }, context));
}

interface Placed extends Pick<LocalStoreOptions, 'uri' | 'overlay' | 'hasWriters'> {
  readonly places: LocalPlaces;
}

/** Throws `store/forbidden` where this user may not write there, and as `LocalStore`. */
export function openLocal(
  { traits, requireSignatures, readOnly }: LocalParameters,
  { places, ...placed }: Placed,
  { reporter, settings }: OpenStoreContext,
): LocalStore {
  const { priority = 0, wantMassQuery = false, isTrusted, storeDir, systemFeatures } = traits;
  let trustedKeys: ReturnType<typeof readTrustedKeys> | undefined;
  let secretKeys: ReturnType<typeof readSecretKeys> | undefined;
  return open({
    ...places,
    ...placed,
    storeDir,
    priority,
    wantMassQuery,
    isTrusted,
    systemFeatures,
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
  });
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
