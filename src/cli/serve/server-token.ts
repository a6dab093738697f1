import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { CliError } from '../error.ts';

/** In the data folder; whoever may read it may do everything. */
const fileName = 'token';

/** The token of this server's owner: made once, for the owner alone to read (0600). Throws `config/malformed`. */
export function serverToken(dataFolder: string): string {
  const path = join(dataFolder, fileName);
  try {
    return checked(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  // Written beside and linked into place: another process sees all of it or nothing, and the first one counts.
  const draft = `${path}.${process.pid}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, `firn-${randomBytes(24).toString('base64url')}\n`);
    fsyncSync(descriptor);
    linkSync(draft, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    closeSync(descriptor);
    rmSync(draft, { force: true });
  }
  return checked(readFileSync(path, 'utf8'), path);
}

function checked(text: string, path: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{16,}$/.test(token)) return token;
  throw new CliError(
    'config/malformed',
    `'${path}' holds no token of 16 characters or more: remove it to have one made`,
  );
}
