import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../castore/index.ts';

/** A new empty folder, removed with everything in it (read-only directories too) at disposal. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'firn-test-'));
  return { path, [Symbol.dispose]: () => removeTree(path) };
}
