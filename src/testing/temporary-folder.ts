import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../castore/index.ts';

/** A new empty folder below `parent`, removed with everything in it (read-only directories too) at disposal. */
export function temporaryFolder(parent = tmpdir()): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(parent, 'firn-test-'));
  return { path, [Symbol.dispose]: () => removeTree(path) };
}
