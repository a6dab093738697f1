import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findGroup, findUser, tryLockFile } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { type UserIds, hasIds } from '../../exec/index.ts';
import { EngineError } from '../error.ts';
import type { BuildSettings } from './build-settings.ts';
import type { BuildRequest } from './build-context.ts';

/** The group that root is presumed to have for builds. Machines without it get ids that nobody has. */
const presumedGroup = 'nixbld';

/** Ids from one automatic user to the next; C++ Nix's, so that both can take them on one machine. */
export const idsOfSlot = 65536;

/** In milliseconds, between two looks whether somebody has become free: ever more, since a build of ours may be settling. */
const pollIntervals = { first: 1, last: 200 };

/** Whom a build runs as: nobody else does meanwhile, in no process. */
export interface BuildUser extends Disposable {
  readonly ids: UserIds;
}

export interface BuildUsersOptions {
  readonly settings: Pick<BuildSettings, 'buildUsersGroup' | 'autoAllocatesUsers' | 'firstUser' | 'userCount'>;
  readonly dataFolder: string;
  /** Where /etc is, for tests. */
  readonly etc?: string;
}

/**
 * The users that builds run as where we are root: the members of a group, or ids that are given out. One who is not root
 * has none; builds then run as ourselves.
 */
export class BuildUsers {
  readonly #options: BuildUsersOptions;
  readonly #etc: string;
  readonly #isRoot: boolean;

  constructor(options: BuildUsersOptions, isRoot = process.geteuid?.() === 0) {
    this.#options = options;
    this.#etc = options.etc ?? '/etc';
    this.#isRoot = isRoot;
  }

  /** Undefined where builds run as ourselves. `waits` is called if nobody is free at once. Throws `build/no-users`. */
  async acquire({ signal, slot }: Waiting, waits: () => Disposable): Promise<BuildUser | undefined> {
    const candidates = this.#candidates();
    if (candidates === undefined) return undefined;
    const free = tryAcquire(candidates);
    if (free !== undefined) return free;
    using _waiting = waits();
    for (let wait = pollIntervals.first; ; wait = Math.min(2 * wait, pollIntervals.last)) {
      await slot.yieldWhile(() => delay(wait, undefined, { signal }));
      const late = tryAcquire(candidates);
      if (late !== undefined) return late;
    }
  }

  #candidates(): readonly Candidate[] | undefined {
    const { settings, dataFolder } = this.#options;
    if (!this.#isRoot) return undefined;
    const { buildUsersGroup, autoAllocatesUsers } = settings;
    if (autoAllocatesUsers) return this.#slots();
    if (buildUsersGroup === '') return undefined;
    const group = findGroup(({ name }) => name === buildUsersGroup, join(this.#etc, 'group'));
    if (group === undefined) {
      // In a user namespace that has none of those ids builds run as its root.
      const slots = this.#slots();
      if (buildUsersGroup === presumedGroup) return slots.some(({ ids }) => hasIds(ids)) ? slots : undefined;
      const message = `the group '${buildUsersGroup}' specified in 'build-users-group' does not exist`;
      throw new EngineError('build/no-users', message);
    }
    if (group.members.length === 0) {
      throw new EngineError('build/no-users', `the build users group '${buildUsersGroup}' has no members`);
    }
    return group.members.map(member => {
      const user = findUser(({ name }) => name === member, join(this.#etc, 'passwd'));
      if (user === undefined) {
        const message = `the user '${member}' in the group '${buildUsersGroup}' does not exist`;
        throw new EngineError('build/no-users', message);
      }
      const ids = { user: user.id, group: group.id };
      if (ids.user === process.geteuid?.()) {
        throw new EngineError('build/no-users', `the Nix user should not be a member of '${buildUsersGroup}'`);
      }
      return { ids, lock: join(dataFolder, 'userpool', String(ids.user)) };
    });
  }

  #slots(): Candidate[] {
    const { settings, dataFolder } = this.#options;
    const count = Math.floor(settings.userCount / idsOfSlot);
    return Array.from({ length: count }, (_, slot) => {
      const id = settings.firstUser + slot * idsOfSlot;
      return { ids: { user: id, group: id }, lock: join(dataFolder, 'userpool2', `slot-${slot}`) };
    });
  }
}

type Waiting = Pick<BuildRequest, 'signal' | 'slot'>;

interface Candidate {
  readonly ids: UserIds;
  /** The file that is locked while the user is taken; C++ Nix's name. */
  readonly lock: string;
}

function tryAcquire(candidates: readonly Candidate[]): BuildUser | undefined {
  for (const { ids, lock } of candidates) {
    makeFolder(realFileSystem, join(lock, '..'));
    const fd = openSync(lock, 'a', 0o600);
    let isOurs = false;
    try {
      isOurs = tryLockFile(fd, 'exclusive');
      if (isOurs) return { ids, [Symbol.dispose]: () => closeSync(fd) };
    } finally {
      if (!isOurs) closeSync(fd);
    }
  }
  return undefined;
}
