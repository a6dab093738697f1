import { unlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Reporter } from '../../base/index.ts';
import { type CallOptions, realFileSystem } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { lockPath } from '../local/path-lock.ts';
import { replaceLink } from '../local/roots/add-indirect-root.ts';
import type { Collector } from '../store.ts';
import { type Generation, type Generations, findGenerations, generationPath, readLink } from './generations.ts';

export interface ChangeProfileOptions extends CallOptions {
  /** Says what it does, or would do. */
  readonly reporter: Reporter;
  /** Whether nothing is to be changed. */
  readonly dryRun?: boolean;
}

/** Keeps others from changing the profile at `profile` until disposed of. */
export function lockProfile(profile: string, signal?: AbortSignal): Promise<Disposable> {
  return lockPath(profile, signal);
}

/** A new generation that leads to `path`, or the last one if that does; the profile does not change. */
export async function createGeneration(collector: Collector, profile: string, path: StorePath): Promise<string> {
  const last = findGenerations(profile).all.at(-1);
  const target = last === undefined ? undefined : readLink(last.path);
  if (last !== undefined && target !== undefined && basename(target) === path) return last.path;
  const generation = generationPath(profile, (last?.number ?? 0) + 1);
  await collector.addIndirectRoot(generation, path);
  return generation;
}

/** Lets the profile lead to `target`, one of its generations or something else. */
export function switchLink(profile: string, target: string): void {
  replaceLink(realFileSystem, profile, dirname(target) === dirname(profile) ? basename(target) : target);
}

/** Lets the profile lead to the generation `number`, else to the one before the current. Throws `profile/no-generation`. */
export async function switchGeneration(
  profile: string,
  number: number | undefined,
  options: ChangeProfileOptions,
): Promise<void> {
  using _lock = await lockProfile(profile, options.signal);
  const { all, current = 0 } = findGenerations(profile);
  const chosen = all.findLast(generation =>
    number === undefined ? generation.number < current : generation.number === number,
  );
  if (chosen === undefined) {
    const message =
      number === undefined
        ? `no profile version older than the current (${current}) exists`
        : `profile version ${number} does not exist`;
    throw new StoreError('profile/no-generation', message);
  }
  options.reporter.log('notice', `switching profile from version ${current} to ${chosen.number}`);
  if (options.dryRun !== true) switchLink(profile, chosen.path);
}

/** Deletes the generations with these numbers, as far as there are such. Throws `profile/current` if the current is among them. */
export function deleteGenerations(
  profile: string,
  numbers: ReadonlySet<number>,
  options: ChangeProfileOptions,
): Promise<void> {
  return deleteChosen(profile, options, ({ all, current }) => {
    if (current !== undefined && numbers.has(current))
      throw new StoreError('profile/current', `cannot delete current version of profile "${profile}"`);
    return all.filter(({ number }) => numbers.has(number));
  });
}

/** Deletes all but the current one. */
export function deleteOldGenerations(profile: string, options: ChangeProfileOptions): Promise<void> {
  return deleteChosen(profile, options, ({ all, current }) => all.filter(({ number }) => number !== current));
}

/** Deletes those before the current one, but for the `kept - 1` that come next. Throws `profile/current` for 0. */
export function deleteGenerationsBeyond(profile: string, kept: number, options: ChangeProfileOptions): Promise<void> {
  if (kept === 0) {
    const message = 'Must keep at least one generation, otherwise the current one would be deleted';
    throw new StoreError('profile/current', message);
  }
  return deleteChosen(profile, options, ({ all, current }) => {
    const newestFirst = all.toReversed();
    const from = newestFirst.findIndex(({ number }) => number === current);
    return from < 0 ? [] : newestFirst.slice(from + kept);
  });
}

/**
 * Deletes those that were not in use at `time` (in seconds since 1970) or later: what was current then, the last that was
 * created before, stays, so that one can go back to it. So do generations that bear a later time than a newer one, as
 * after the clock was set back.
 */
export function deleteGenerationsOlderThan(
  profile: string,
  time: number,
  options: ChangeProfileOptions,
): Promise<void> {
  return deleteChosen(profile, options, ({ all, current }) => {
    const newestFirst = all.toReversed();
    const lastInUse = newestFirst.findIndex(({ created }) => created < time);
    const candidates = lastInUse < 0 ? [] : newestFirst.slice(lastInUse + 1);
    return candidates.filter(({ created, number }) => created < time && number !== current);
  });
}

async function deleteChosen(
  profile: string,
  { reporter, signal, dryRun = false }: ChangeProfileOptions,
  choose: (generations: Generations) => readonly Generation[],
): Promise<void> {
  using _lock = await lockProfile(profile, signal);
  for (const { number, path } of choose(findGenerations(profile))) {
    reporter.log('notice', `${dryRun ? 'would remove' : 'removing'} profile version ${number}`);
    if (!dryRun) unlinkSync(path);
  }
}
