import { StoreError } from './error.ts';

/** What a kind of store cannot do. */
export function unsupportedOperation(uri: string, operation: string): StoreError {
  return new StoreError('store/unsupported', `operation '${operation}' is not supported by store '${uri}'`);
}
