import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInflate } from 'node:zlib';
import { byteStringFromText, errnoOf, messageOf } from '../../../base/index.ts';
import { CastoreError } from '../../error.ts';
import { type FsPath, joinFsPath } from '../fs-path.ts';
import type { GitObjectId } from './git-object.ts';
import type { FetchGitObject } from './import-git-tree.ts';

/**
 * Fetches the loose objects in a repository's folder `objects`: those that git has not packed. Bytes that are not
 * compressed as they should be are `git-object/malformed`; errors of the operating system are thrown as they are.
 */
export function looseGitObjects(folder: FsPath): FetchGitObject {
  return async id => {
    const inFolder = joinFsPath(folder, byteStringFromText(id.slice(0, 2)));
    const path = joinFsPath(inFolder, byteStringFromText(id.slice(2)));
    try {
      await stat(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    return inflate(path, id);
  };
}

async function* inflate(path: FsPath, id: GitObjectId): AsyncGenerator<Uint8Array, void> {
  const compressed = createReadStream(path);
  const inflated = createInflate();
  compressed.on('error', error => inflated.destroy(error));
  compressed.pipe(inflated);
  const chunks: AsyncIterable<Uint8Array> = inflated;
  try {
    yield* chunks;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    const message = `the file of the git object ${id} cannot be uncompressed: ${messageOf(error)}`;
    throw new CastoreError('git-object/malformed', message, { cause: error });
  } finally {
    compressed.destroy();
    inflated.destroy();
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
