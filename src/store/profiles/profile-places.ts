import { dirname, join, resolve } from 'node:path';
import { lstatSync } from 'node:fs';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { replaceLink } from '../local/roots/add-indirect-root.ts';
import { readLink } from './generations.ts';

/** What the places of a user's profiles follow from; all paths absolute. */
export interface ProfileEnvironment {
  /** Of the store: `gcroots` and `profiles` are here. */
  readonly stateDir: string;
  /** The user's own, for Nix: `~/.local/state/nix`. */
  readonly userStateDir: string;
  readonly home: string;
  readonly isRoot: boolean;
  /** `use-xdg-base-directories` */
  readonly useXdg: boolean;
}

/** Where the profiles of this user are made. */
export function profilesFolder({ stateDir, userStateDir, isRoot }: ProfileEnvironment): string {
  return isRoot ? join(stateDir, 'profiles', 'per-user', 'root') : join(userStateDir, 'profiles');
}

/** The link in the user's home that leads to the profile in use. */
export function profileLink({ userStateDir, home, useXdg }: ProfileEnvironment): string {
  return useXdg ? join(userStateDir, 'profile') : join(home, '.nix-profile');
}

/** The profile that commands change unless told otherwise: what `profileLink` leads to, or will once it is made. */
export function defaultProfile(environment: ProfileEnvironment): string {
  const link = profileLink(environment);
  const target = readLink(link);
  if (target !== undefined) return resolve(dirname(link), target);
  return lstatSync(link, { throwIfNoEntry: false }) === undefined ? join(profilesFolder(environment), 'profile') : link;
}

/** Makes the links that lead to the user's profile, as far as they are absent, and the folder for it. */
export function linkDefaultProfile(environment: ProfileEnvironment): void {
  const folder = profilesFolder(environment);
  makeFolder(realFileSystem, folder);
  const profile = join(folder, 'profile');
  const links = [profileLink(environment)];
  // System-wide shells look for root's profile under this name.
  if (environment.isRoot) links.push(join(environment.stateDir, 'profiles', 'default'));
  for (const link of links) {
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) replaceLink(realFileSystem, link, profile);
  }
}
