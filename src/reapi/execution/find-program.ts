import { statSync } from 'node:fs';
import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { ReapiError } from '../error.ts';
import { type InnerPath, innerPath } from './inner-path.ts';
import type { InnerTree } from './inner-tree.ts';

export interface ProgramSearch {
  readonly environment: ReadonlyMap<ByteString, ByteString>;
  readonly workingFolder: InnerPath;
  readonly tree: InnerTree;
  /** Where the action sees the tree. */
  readonly seenAs: string;
  /** Whether the action sees this path of the host. */
  readonly isShown: (path: string) => boolean;
}

/** Where programs are looked for if the action does not say. */
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The absolute path, as the action sees it, of the program that its first argument names: as it is, relative to the working
 * folder, or, without a slash, found in the action's PATH. What is not found is looked for by the system, which then says
 * that it is not there.
 */
export function findProgram(name: ByteString, search: ProgramSearch): ByteString {
  const { environment, workingFolder, seenAs } = search;
  const text = displayBytes(name);
  if (text.startsWith('/')) return name;
  const folder = workingFolder === '' ? seenAs : `${seenAs}/${workingFolder}`;
  if (text.includes('/')) return byteStringFromText(`${folder}/${text}`);
  const path = environment.get(byteStringFromText('PATH'));
  const places = (path === undefined ? usualPath : displayBytes(path)).split(':');
  for (const place of places) {
    const absolute = place.startsWith('/') ? place : place === '' ? folder : `${folder}/${place}`;
    if (isProgram(`${absolute}/${text}`, search)) return byteStringFromText(`${absolute}/${text}`);
  }
  return byteStringFromText(`${places.find(place => place.startsWith('/')) ?? folder}/${text}`);
}

function isProgram(path: string, { seenAs, tree, isShown }: ProgramSearch): boolean {
  if (!path.startsWith(`${seenAs}/`)) return isShown(path) && isExecutable(path);
  let inner: InnerPath;
  try {
    inner = innerPath(path.slice(seenAs.length + 1), 'PATH');
  } catch (error) {
    if (error instanceof ReapiError) return false;
    throw error;
  }
  const place = tree.resolve(inner, { followsLast: true });
  if (place.kind === 'outside') return isShown(place.target) && isExecutable(place.target);
  return place.kind === 'inside' && place.stats?.isFile() === true && (place.stats.mode & 0o111) !== 0;
}

function isExecutable(path: string): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
  } catch {
    // A folder that we may not look into, or a file in its place.
    return false;
  }
}
