import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Environment } from '../environment.ts';
import { hostEnvironment } from '../settings/host.ts';
import { InvocationSettings } from '../settings/invocation-settings.ts';
import { admitClient } from './client-access.ts';

const root = { process: 1, user: 0, group: 0 };
const nobody = { process: 1, user: 4_000_000_000, group: 4_000_000_000 };

function settingsOf(values: Readonly<Record<string, string>>): InvocationSettings {
  const settings = new InvocationSettings(hostEnvironment(new Environment({}, assert.fail)), assert.fail);
  for (const [name, value] of Object.entries(values)) settings.assign(name, value);
  return settings;
}

test('root is trusted and others are allowed unless settings say otherwise', () => {
  assert.deepEqual(admitClient(root, settingsOf({})), { user: 'root', isTrusted: true });
  assert.deepEqual(admitClient(nobody, settingsOf({})), { user: '4000000000', isTrusted: false });
  assert.equal(admitClient(nobody, settingsOf({ 'trusted-users': '*' })).isTrusted, true);
  assert.equal(admitClient(nobody, settingsOf({ 'trusted-users': '4000000000' })).isTrusted, true);
});

test('who keeps the store is trusted in any case', () => {
  const settings = settingsOf({ 'trusted-users': '', 'allowed-users': '' });
  assert.equal(admitClient(nobody, settings, nobody.user).isTrusted, true);
  assert.throws(() => admitClient(nobody, settings, root.user), { code: 'daemon/refused' });
});

test('groups stand for their members', () => {
  assert.equal(admitClient(root, settingsOf({ 'trusted-users': '@root' })).isTrusted, true);
  assert.equal(admitClient(root, settingsOf({ 'trusted-users': '@absent' })).isTrusted, false);
});

test('who is not allowed is refused by name, and so are builds', () => {
  const refused = { code: 'daemon/refused', message: "user '4000000000' is not allowed to connect to the Nix daemon" };
  assert.throws(() => admitClient(nobody, settingsOf({ 'allowed-users': 'root @root' })), refused);
  assert.throws(() => admitClient(nobody, settingsOf({ 'build-users-group': '4000000000' })), refused);
});

test('a client’s settings begin as the daemon’s and change apart from them', () => {
  const settings = settingsOf({ cores: '3', 'extra-trusted-users': 'somebody' });
  const copy = settings.copy(assert.fail);
  copy.assign('cores', '5');
  assert.deepEqual([settings.get('cores'), copy.get('cores')], [3, 5]);
  assert.deepEqual(copy.get('trusted-users'), ['root', 'somebody']);
});
