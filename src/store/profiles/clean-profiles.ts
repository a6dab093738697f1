import { constants, accessSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { type ChangeProfileOptions, deleteGenerationsOlderThan, deleteOldGenerations } from './change-profile.ts';
import { readLink } from './generations.ts';
import { type ProfileEnvironment, defaultProfile, profilesFolder } from './profile-places.ts';

/** Deepest folder below one of profiles that is looked into. */
const maxDepth = 64;

/**
 * Deletes the old generations of every profile of the user and of the system that may be changed: all but the current
 * one, or those that were not in use any more at a time (in seconds since 1970).
 */
export async function cleanProfiles(
  environment: ProfileEnvironment,
  options: ChangeProfileOptions & { readonly olderThan?: () => number },
): Promise<void> {
  const folders = new Set([
    profilesFolder(environment),
    join(environment.stateDir, 'profiles'),
    dirname(defaultProfile(environment)),
  ]);
  for (const folder of [...folders].toSorted()) await cleanFolder(folder, 0);

  async function cleanFolder(folder: string, depth: number): Promise<void> {
    if (!may(folder, constants.R_OK) || depth > maxDepth) return;
    const canWrite = may(folder, constants.W_OK);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      options.signal?.throwIfAborted();
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await cleanFolder(path, depth + 1);
      else if (entry.isSymbolicLink() && canWrite) await cleanProfile(path);
    }
  }

  async function cleanProfile(profile: string): Promise<void> {
    // What leads to a generation is a profile.
    if (readLink(profile)?.includes('link') !== true) return;
    options.reporter.log('info', `removing old generations of profile ${profile}`);
    if (options.olderThan === undefined) await deleteOldGenerations(profile, options);
    else await deleteGenerationsOlderThan(profile, options.olderThan(), options);
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
