import { readFileSync } from 'node:fs';
import { type Reporter, parseMountTable } from '../../../base/index.ts';
import { StoreError } from '../../error.ts';

export interface ExpectedMount {
  readonly realStoreDir: string;
  readonly lowerStoreDir: string;
  readonly upperLayer: string;
}

/**
 * Looks whether the store directory is an overlayfs of these two layers, as far as this process sees it. Throws
 * `store/mounted-incorrectly`.
 */
export function checkMount(expected: ExpectedMount, reporter: Reporter): void {
  const { realStoreDir, lowerStoreDir, upperLayer } = expected;
  // Of several at one place the latest is seen.
  const mounted = parseMountTable(readFileSync('/proc/self/mounts', 'latin1')).findLast(
    ({ place, type }) => type === 'overlay' && place === realStoreDir,
  );
  const options = mounted?.options ?? [];
  if (options.includes(`lowerdir=${lowerStoreDir}`) && options.includes(`upperdir=${upperLayer}`)) return;
  reporter.log('debug', `expected lowerdir: "${lowerStoreDir}"`);
  reporter.log('debug', `expected upperdir: "${upperLayer}"`);
  reporter.log('debug', `actual mount: ${mounted === undefined ? '' : `overlay ${realStoreDir} ${options.join(',')}`}`);
  throw new StoreError('store/mounted-incorrectly', `overlay filesystem "${realStoreDir}" mounted incorrectly`);
}
