import { randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file to write to and read from that has no name, so that nothing is left of it when it is closed or the process ends. */
export async function openNamelessFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `firn-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    unlinkSync(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
