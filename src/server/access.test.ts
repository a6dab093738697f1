import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Access, type TokenGrant } from './access.ts';

function access(...tokens: readonly TokenGrant[]): Access {
  return new Access({
    instances: ['', 'main'],
    anonymous: { instances: '*', rights: ['read'] },
    tokens,
    certificates: [],
  });
}

const requester = (token: string) => ({
  authorization: `Bearer ${token}`,
  peer: { transport: 'tcp', address: 'test', certificateName: undefined } as const,
});

const [gcc, secret] = [`/nix/store/${'a'.repeat(32)}-gcc-12`, `/nix/store/${'b'.repeat(32)}-secret`];

test('actions name what their token may, and everything where it does not say', () => {
  const rules = access(
    { token: 'token-0', instances: '*', rights: ['execute'] },
    { token: 'token-1', instances: ['main'], rights: ['execute'], storePaths: ['*-gcc-*', secret] },
    { token: 'token-2', instances: '*', rights: ['read'] },
  );
  const names = [gcc, secret, `${secret}-2`];
  assert.equal(rules.nameable(requester('token-0'), '', names), 'all');
  assert.deepEqual(rules.nameable(requester('token-1'), 'main', names), new Set([gcc, secret]));
  assert.deepEqual(rules.nameable(requester('token-1'), '', names), new Set());
  assert.deepEqual(rules.nameable(requester('token-2'), '', names), new Set());
});

test('patterns are taken by the letter but for their stars', () => {
  const rules = access({
    token: 'token-0',
    instances: '*',
    rights: ['execute'],
    storePaths: ['/nix/store/*.c(1)', 'x'],
  });
  const names = ['/nix/store/a.c(1)', '/nix/store/abc(1)', 'x', 'xx'];
  assert.deepEqual(rules.nameable(requester('token-0'), '', names), new Set(['/nix/store/a.c(1)', 'x']));
});
