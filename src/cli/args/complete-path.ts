import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { type ByteString, byteStringFromLatin1, byteStringFromText, errnoOf } from '../../base/index.ts';
import { fsPathOf } from '../paths.ts';
import type { Completer, Completions } from './completions.ts';

/** Files and directories whose path starts as typed. Names with a dot at their start are hidden until it is typed. */
export const completePath: Completer = (completions, prefix) => completeEntry(completions, prefix, () => true);

/** As `completePath`, to directories alone. */
export const completeFolder: Completer = (completions, prefix) => completeEntry(completions, prefix, isFolder);

function completeEntry(completions: Completions, prefix: ByteString, isMeant: (path: ByteString) => boolean): void {
  completions.kind = 'filenames';
  const typed =
    prefix === '~' || prefix.startsWith('~/') ? `${byteStringFromText(homedir())}${prefix.slice(1)}` : prefix;
  const slash = typed.lastIndexOf('/') + 1;
  const folder = typed.slice(0, slash);
  const start = typed.slice(slash);
  for (const name of namesIn(folder === '' ? '.' : folder)) {
    if (!name.startsWith(start) || (name.startsWith('.') && start === '')) continue;
    const path = byteStringFromLatin1(`${folder}${name}`);
    if (isMeant(path)) completions.add(path);
  }
}

function isFolder(path: ByteString): boolean {
  return statSync(fsPathOf(path), { throwIfNoEntry: false })?.isDirectory() === true;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(fsPathOf(byteStringFromLatin1(folder)), 'latin1');
  } catch (error) {
    // Nothing to complete is no mistake.
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}
