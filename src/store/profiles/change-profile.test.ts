import assert from 'node:assert/strict';
import { lutimesSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type StorePath, joinStorePath } from '../../nix-compat/index.ts';
import { addTestPath, openLocalStoreIn, recordReports, temporaryFolder } from '../../testing/index.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import {
  createGeneration,
  deleteGenerations,
  deleteGenerationsBeyond,
  deleteGenerationsOlderThan,
  deleteOldGenerations,
  switchGeneration,
  switchLink,
} from './change-profile.ts';
import { cleanProfiles } from './clean-profiles.ts';
import { findGenerations, generationPath } from './generations.ts';
import { parseOlderThan } from './older-than.ts';
import { defaultProfile, linkDefaultProfile } from './profile-places.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;
const path = (letter: string): StorePath => joinStorePath(letter.repeat(32), 'x');
const day = 24 * 3600;

/** A profile with generations 1 to `times.length`, created at those times (in seconds), of which the last is current. */
function makeProfile(times: readonly number[]) {
  const folder = temporaryFolder();
  const { reporter, reports } = recordReports();
  const profile = join(folder.path, 'profile');
  for (const [i, time] of times.entries()) {
    const link = generationPath(profile, i + 1);
    symlinkSync(`/nix/store/${path('a')}`, link);
    lutimesSync(link, time, time);
  }
  if (times.length > 0) switchLink(profile, generationPath(profile, times.length));
  return {
    profile,
    options: { reporter },
    numbers: () => findGenerations(profile).all.map(({ number }) => number),
    current: () => findGenerations(profile).current,
    said: () => reports.flatMap(report => (report.kind === 'log' ? [report.text] : [])),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('generations', () => {
  test('are links named by the profile and a number', () => {
    using rig = makeProfile([1, 2, 3]);
    for (const name of ['profile-x-link', 'profile-4', 'profile-5-link.tmp', 'profile--link', 'other-6-link'])
      writeFileSync(join(rig.profile, '..', name), '');
    assert.deepEqual(rig.numbers(), [1, 2, 3]);
    assert.equal(rig.current(), 3);
    assert.equal(readlinkSync(rig.profile), 'profile-3-link');
    assert.deepEqual(findGenerations('/absent/profile'), { all: [], current: undefined });
  });

  test('are made anew only for something new', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    const [a, b] = [await addTestPath(store, 'a'), await addTestPath(store, 'b')];
    const profile = join(folder.path, 'profiles', 'mine');
    const made: string[] = [];
    for (const each of [a, a, b, a]) made.push(await createGeneration(store.collector, profile, each));
    assert.deepEqual(
      made,
      [1, 1, 2, 3].map(number => generationPath(profile, number)),
    );
    const roots = await store.collector.findRoots();
    assert.equal(roots.filter(({ holder }) => holder.startsWith(profile)).length, 3);
  });

  test('can be switched to, backwards or by number', async () => {
    using rig = makeProfile([1, 2, 3]);
    await switchGeneration(rig.profile, undefined, rig.options);
    assert.equal(rig.current(), 2);
    await switchGeneration(rig.profile, 3, { ...rig.options, dryRun: true });
    assert.equal(rig.current(), 2);
    await switchGeneration(rig.profile, 1, rig.options);
    assert.equal(rig.current(), 1);
    await assert.rejects(switchGeneration(rig.profile, undefined, rig.options), code('profile/no-generation'));
    await assert.rejects(switchGeneration(rig.profile, 4, rig.options), code('profile/no-generation'));
    assert.equal(rig.said()[0], 'switching profile from version 3 to 2');
    assert.deepEqual(
      readdirSync(join(rig.profile, '..')).filter(name => /tmp|lock/.test(name)),
      [],
    );
  });

  test('are deleted by number, but not the current one', async () => {
    using rig = makeProfile([1, 2, 3, 4]);
    await assert.rejects(deleteGenerations(rig.profile, new Set([1, 4]), rig.options), code('profile/current'));
    await deleteGenerations(rig.profile, new Set([1, 9]), rig.options);
    assert.deepEqual(rig.numbers(), [2, 3, 4]);
    await deleteOldGenerations(rig.profile, { ...rig.options, dryRun: true });
    assert.deepEqual(rig.numbers(), [2, 3, 4]);
    assert.deepEqual(rig.said().slice(-2), ['would remove profile version 2', 'would remove profile version 3']);
    await deleteOldGenerations(rig.profile, rig.options);
    assert.deepEqual(rig.numbers(), [4]);
  });

  test('before the current one are kept up to a count', async () => {
    using rig = makeProfile([1, 2, 3, 4, 5]);
    await switchGeneration(rig.profile, 4, rig.options);
    await assert.rejects(async () => deleteGenerationsBeyond(rig.profile, 0, rig.options), code('profile/current'));
    await deleteGenerationsBeyond(rig.profile, 2, rig.options);
    assert.deepEqual(rig.numbers(), [3, 4, 5]);
  });

  const ages: [title: string, times: number[], time: number, left: number[]][] = [
    ['but what was current then', [1, 2, 3, 9, 10], 5, [3, 4, 5]],
    ['none if all are newer', [6, 7, 8], 5, [1, 2, 3]],
    ['even if all are older', [1, 2, 3], 5, [3]],
    ['not those made before the clock was set back', [1, 9, 3, 10], 5, [2, 3, 4]],
  ];
  for (const [title, times, time, left] of ages) {
    test(`are deleted by age, ${title}`, async () => {
      using rig = makeProfile(times.map(each => each * day));
      await deleteGenerationsOlderThan(rig.profile, time * day, rig.options);
      assert.deepEqual(rig.numbers(), left);
    });
  }
});

test('ages are numbers of days', () => {
  assert.equal(parseOlderThan('2d', 10 * day + 0.5), 8 * day);
  for (const text of ['', '3', 'd', '0d', '-1d', '1.5d', '1w', '99999999999d', '1dd'])
    assert.throws(() => parseOlderThan(text), code('profile/bad-age'), text);
});

test('old generations of all profiles of user and system go', async () => {
  using rig = makeProfile([1, 2]);
  const folder = join(rig.profile, '..');
  const environment = {
    stateDir: join(folder, 'state'),
    userStateDir: join(folder, 'user'),
    home: join(folder, 'home'),
    isRoot: true,
    useXdg: false,
  };
  assert.equal(defaultProfile(environment), join(folder, 'state', 'profiles', 'per-user', 'root', 'profile'));
  mkdirSync(environment.home);
  linkDefaultProfile(environment);
  linkDefaultProfile(environment);
  const profile = defaultProfile(environment);
  assert.equal(profile, join(folder, 'state', 'profiles', 'per-user', 'root', 'profile'));
  for (const number of [1, 2, 3]) symlinkSync(`/nix/store/${path('b')}`, generationPath(profile, number));
  switchLink(profile, generationPath(profile, 2));
  await cleanProfiles(environment, { ...rig.options, dryRun: true });
  assert.equal(findGenerations(profile).all.length, 3);
  await cleanProfiles(environment, { ...rig.options, olderThan: () => 1 });
  assert.equal(findGenerations(profile).all.length, 3);
  await cleanProfiles(environment, rig.options);
  assert.deepEqual(
    findGenerations(profile).all.map(({ number }) => number),
    [2],
  );
  assert.deepEqual(rig.numbers(), [1, 2]);
});
