import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type DerivationOutput, hashBytes } from '../../nix-compat/index.ts';
import { BuildRig, findBusybox } from '../../testing/index.ts';

const contents = 'from the network\n';

/** Whoever the tests run as: an ordinary user's builders have the machine's network, too. */
test('a fixed output is fetched in a sandbox, over the machine’s network; others have none', async () => {
  const server = createServer((_, response) => response.end(contents)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const sandboxPaths = new Map([['/bin/sh', { source: findBusybox(), optional: false }]]);
    await using rig = new BuildRig({ settings: { sandbox: 'true', sandboxFallback: false, sandboxPaths } });
    const script = `wget -q -O $out http://127.0.0.1:${port}/`;
    const fixed: DerivationOutput = {
      kind: 'fixed',
      address: { method: 'flat', hash: hashBytes('sha256', Buffer.from(contents)) },
    };
    const { out = '' } = await rig.built({ name: 'fetched', script, outputs: { out: fixed } });
    assert.equal(readFileSync(out, 'utf8'), contents);
    const { message } = await rig.failure({ name: 'closed', script });
    assert.match(message, /builder failed with exit code 1/);
  } finally {
    server.close();
  }
});
