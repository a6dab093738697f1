import { booleanType } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { StoreRequest } from '../open-store.ts';
import type { Store } from '../store.ts';
import { takeTraits } from '../store-parameters.ts';
import { DummyStore } from './dummy-store.ts';

/** `dummy://` */
export function openDummyStore({ scheme, authority, parameters, context }: StoreRequest): Promise<Store> {
  if (authority !== '') {
    const message = `\`${scheme}\` store URIs must not contain an authority part ${authority}`;
    throw new StoreError('store-uri/malformed', message);
  }
  const traits = takeTraits(parameters, context.environment.storeDir);
  const isReadOnly = parameters.take('read-only', booleanType, true);
  parameters.warnUnknown(context.reporter);
  if (!isReadOnly) {
    throw new StoreError('store/unsupported', 'this version of Firn has no dummy stores that can be written to yet');
  }
  return Promise.resolve(new DummyStore({ ...traits, uri: parameters.formatUri('dummy://') }));
}
