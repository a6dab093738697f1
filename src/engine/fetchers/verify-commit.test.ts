import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { GitRig } from '../../testing/index.ts';
import { fetchGitRepository } from './git-repository.ts';

/** Git asks it, too. */
const isInstalled = spawnSync('ssh-keygen', ['-?']).error === undefined;

describe(
  'commits that must be signed',
  { skip: !isInstalled && 'there is no ssh-keygen (Debian: openssh-client)' },
  () => {
    let rig: GitRig;
    const keys = { ed25519: '', rsa: '' };
    const fetch = (attributes: Readonly<Record<string, string | boolean>>) => {
      const input = new Map(Object.entries({ type: 'git', url: `file://${rig.at('signed')}`, ...attributes }));
      return fetchGitRepository(input, rig.context);
    };
    before(() => {
      rig = new GitRig();
      for (const type of ['ed25519', 'rsa'] as const) {
        const file = rig.at(type);
        execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'a comment', '-f', file]);
        keys[type] = readFileSync(`${file}.pub`, 'utf8').split(' ')[1] ?? '';
      }
      rig.commit('signed', { file: 'one' });
      rig.git('signed', 'config', 'gpg.format', 'ssh');
      rig.git('signed', 'config', 'user.signingkey', rig.at('ed25519.pub'));
      rig.commit('signed', { file: 'two' }, '-S');
    });
    after(() => rig[Symbol.dispose]());

    test('are fetched by a key that they are signed by', async () => {
      const head = rig.git('signed', 'rev-parse', 'HEAD');
      const publicKeys = JSON.stringify([{ type: 'ssh-rsa', key: keys.rsa }, { key: keys.ed25519 }]);
      for (const attributes of [{ publicKey: keys.ed25519 }, { publicKeys }, { publicKeys, ref: 'main' }]) {
        assert.equal((await fetch(attributes)).attributes.get('rev'), head);
      }
      const unverified = await fetch({ publicKey: keys.rsa, keytype: 'ssh-rsa', verifyCommit: false });
      assert.equal(unverified.attributes.get('rev'), head);
    });

    test('are not by another, nor where there is no signature', async () => {
      const failed = /Commit signature verification on commit .* failed: /;
      await assert.rejects(fetch({ publicKey: keys.rsa, keytype: 'ssh-rsa' }), /failed: [^]*No principal matched\./);
      await assert.rejects(fetch({ verifyCommit: true }), failed);
      const parent = rig.git('signed', 'rev-parse', 'HEAD^');
      await assert.rejects(fetch({ publicKey: keys.ed25519, rev: parent }), failed);
    });

    test('are commits', async () => {
      writeFileSync(rig.at('signed', 'file'), 'three');
      await assert.rejects(
        fetch({ publicKey: keys.ed25519 }),
        /commit verification is required for Git repository '.*publicKey=.*', but it's dirty/,
      );
      rig.git('signed', 'checkout', '-q', 'file');
    });

    test('need keys that are such, and the feature', async () => {
      await assert.rejects(
        fetch({ publicKey: keys.rsa, keytype: 'rsa' }),
        /Invalid SSH key type '.*rsa.*' in publicKeys/,
      );
      await assert.rejects(fetch({ publicKey: 'a*b' }), /invalid character in Base64 string: '\*'/);
      await assert.rejects(fetch({ publicKeys: '{}' }), /Expected JSON value to be of type 'array'/);
      const required: string[] = [];
      const context = { ...rig.context, requireFeature: (feature: string) => void required.push(feature) };
      const input = { type: 'git', url: `file://${rig.at('signed')}`, publicKey: keys.ed25519 };
      await fetchGitRepository(new Map(Object.entries(input)), context);
      assert.deepEqual(required, ['verified-fetches']);
    });
  },
);
