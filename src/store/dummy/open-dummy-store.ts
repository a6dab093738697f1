import { booleanType } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeTraits } from '../store-parameters.ts';
import { readTrustedKeys } from '../trusted-keys.ts';
import { DummyStore } from './dummy-store.ts';

/** `dummy://` */
export function openDummyStore({ scheme, authority, parameters, context }: StoreRequest): Promise<Store> {
  if (authority !== '') {
    const message = `\`${scheme}\` store URIs must not contain an authority part ${authority}`;
    throw new StoreError('store-uri/malformed', message);
  }
  const { settings } = context;
  const traits = takeTraits(parameters, context.environment.storeDir);
  const readOnly = parameters.take('read-only', booleanType, true);
  parameters.warnUnknown(context.reporter);
  let trustedKeys: ReturnType<typeof readTrustedKeys> | undefined;
  const trust = {
    requireSignatures: settings.get('require-sigs'),
    get trustedKeys() {
      return (trustedKeys ??= readTrustedKeys(settings));
    },
  };
  return Promise.resolve(new DummyStore({ ...traits, readOnly, trust, uri: parameters.formatUri('dummy://') }));
}
