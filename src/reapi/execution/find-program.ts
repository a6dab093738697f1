import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import type { InnerPath } from './inner-path.ts';

export interface ProgramSearch {
  readonly environment: ReadonlyMap<ByteString, ByteString>;
  readonly workingFolder: InnerPath;
  /** Where the action sees its input root. */
  readonly seenAs: string;
}

/** Where programs are looked for if the action does not say. */
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The absolute paths, as the action sees them, that its first argument may name, in the order in which they are tried: as
 * it is, relative to the working folder, or, without a slash, wherever the action's PATH leads.
 */
export function programCandidates(name: ByteString, search: ProgramSearch): ByteString[] {
  const { environment, workingFolder, seenAs } = search;
  const text = displayBytes(name);
  if (text.startsWith('/')) return [name];
  const folder = workingFolder === '' ? seenAs : `${seenAs}/${workingFolder}`;
  if (text.includes('/')) return [byteStringFromText(`${folder}/${text}`)];
  const path = environment.get(byteStringFromText('PATH'));
  const places = (path === undefined ? usualPath : displayBytes(path)).split(':');
  return places.map(place => {
    const absolute = place.startsWith('/') ? place : place === '' ? folder : `${folder}/${place}`;
    return byteStringFromText(`${absolute}/${text}`);
  });
}
