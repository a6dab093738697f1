import { StoreError } from '../error.ts';

/** `place` is what messages call the file. */
export function fileTooLarge(place: string, limit: number): StoreError {
  return new StoreError('cache/file-too-large', `'${place}' has more than the ${limit} bytes that it may have`);
}
