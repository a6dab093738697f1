import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../base/index.ts';

/**
 * A profile is a link (`/x/profile`) to one of the links beside it (`/x/profile-12-link`), its generations, each of
 * which leads to a store path.
 */
export interface Generation {
  readonly number: number;
  /** Of the link. */
  readonly path: string;
  /** In seconds since 1970. */
  readonly created: number;
}

export interface Generations {
  /** In ascending order of their numbers. */
  readonly all: readonly Generation[];
  /** The number of the one that the profile leads to. */
  readonly current: number | undefined;
}

/** The generations of the profile at `profile` (absolute); none where there is no such folder. */
export function findGenerations(profile: string): Generations {
  const folder = dirname(profile);
  const all: Generation[] = [];
  for (const name of listFolder(folder)) {
    const number = generationOf(profile, name);
    const path = join(folder, name);
    // Somebody may remove it meanwhile.
    const stats = number === undefined ? undefined : lstatSync(path, { throwIfNoEntry: false });
    if (number === undefined || stats === undefined) continue;
    all.push({ number, path, created: Math.floor(stats.mtimeMs / 1000) });
  }
  const target = readLink(profile);
  return {
    all: all.toSorted((a, b) => a.number - b.number),
    current: target === undefined ? undefined : generationOf(profile, basename(target)),
  };
}

export function generationPath(profile: string, number: number): string {
  return `${profile}-${number}-link`;
}

/** Where the link at `path` leads; undefined where there is no link. */
export function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}

function generationOf(profile: string, name: string): number | undefined {
  const prefix = `${basename(profile)}-`;
  if (!name.startsWith(prefix)) return undefined;
  const digits = /^([0-9]{1,9})-link$/.exec(name.slice(prefix.length))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
