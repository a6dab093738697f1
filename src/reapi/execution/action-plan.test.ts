import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { foreignDigestOf } from '../../castore/index.ts';
import { ActionSchema, CommandSchema } from '../../proto/index.ts';
import { messageOfDigest } from '../digests/digest-message.ts';
import { planAction } from './action-plan.ts';

function planOf(properties: readonly { readonly name: string; readonly value: string }[]) {
  const inputRootDigest = messageOfDigest(foreignDigestOf(new Uint8Array(0), 'sha256'));
  const action = create(ActionSchema, { inputRootDigest, platform: { properties: [...properties] } });
  return planAction(action, create(CommandSchema, { arguments: ['x'] }), 'sha256');
}

test('symlinks into the store are followed to what is shown of it, but not out of a root of the action’s own', () => {
  assert.equal(planOf([]).followsLinks, true);
  assert.equal(planOf([{ name: 'root-filesystem', value: 'input-root' }]).followsLinks, false);
});

test('a channel is named once', () => {
  assert.equal(planOf([]).channel, undefined);
  assert.equal(planOf([{ name: 'nix-channel', value: 'a' }]).channel, 'a');
  const twice = ['a', 'b'].map(value => ({ name: 'nix-channel', value }));
  assert.throws(() => planOf(twice), { code: 'action/malformed' });
});
