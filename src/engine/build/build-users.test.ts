import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { BuildUsers } from './build-users.ts';

const slot = { yieldWhile: (wait: () => Promise<void>) => wait() };
const never = { signal: new AbortController().signal, slot };
const noWait = () => {
  throw new Error('nobody is free');
};

function rig(settings: { group?: string; auto?: boolean; count?: number } = {}, isRoot = true) {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder.path, 'group'),
    'root:x:0:\nbuilders:x:300:one,two\nempty:x:301:\nlost:x:302:nobody-such\n',
  );
  writeFileSync(join(folder.path, 'passwd'), 'root:x:0:0::/:\none:x:401:300::/:\ntwo:x:402:300::/:\n');
  const { group = 'builders', auto = false, count = 2 * 65536 } = settings;
  const users = new BuildUsers(
    {
      settings: { buildUsersGroup: group, autoAllocatesUsers: auto, firstUser: 1000000, userCount: count },
      dataFolder: join(folder.path, 'data'),
      etc: folder.path,
    },
    isRoot,
  );
  return { users, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

test('each build has a member of the group to itself', async () => {
  using opened = rig();
  const { users } = opened;
  using one = await users.acquire(never, noWait);
  assert.deepEqual(one?.ids, { user: 401, group: 300 });
  {
    using two = await users.acquire(never, noWait);
    assert.deepEqual(two?.ids, { user: 402, group: 300 });
    const stop = new AbortController();
    let waited = 0;
    const third = users.acquire({ signal: stop.signal, slot }, () => {
      stop.abort(new Error('no longer'));
      return { [Symbol.dispose]: () => void waited++ };
    });
    await assert.rejects(third, { name: 'AbortError' });
    assert.equal(waited, 1);
  }
  using again = await users.acquire(never, noWait);
  assert.equal(again?.ids.user, 402);
});

test('ids are given out where that is asked for, and where root has no group', async () => {
  for (const settings of [{ auto: true }, { group: 'nixbld' }]) {
    using opened = rig(settings);
    using one = await opened.users.acquire(never, noWait);
    using two = await opened.users.acquire(never, noWait);
    assert.deepEqual([one?.ids.user, two?.ids.user], [1000000, 1065536]);
  }
});

test('without root, and where no group is set, builds run as ourselves', async () => {
  using user = rig({}, false);
  assert.equal(await user.users.acquire(never, noWait), undefined);
  using none = rig({ group: '' });
  assert.equal(await none.users.acquire(never, noWait), undefined);
});

test('a group that does not serve is refused', async () => {
  for (const [group, message] of [
    ['none', "the group 'none' specified in 'build-users-group' does not exist"],
    ['empty', "the build users group 'empty' has no members"],
    ['lost', "the user 'nobody-such' in the group 'lost' does not exist"],
  ] as const) {
    using opened = rig({ group });
    await assert.rejects(opened.users.acquire(never, noWait), { code: 'build/no-users', message });
  }
});
