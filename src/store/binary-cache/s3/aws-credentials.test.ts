import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentReporter } from '../../../base/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { AwsCredentialsProvider } from './aws-credentials.ts';

const noMachine = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' };

function provider(variables: Readonly<Record<string, string>>, profile = ''): AwsCredentialsProvider {
  return new AwsCredentialsProvider({ profile, variables: { ...noMachine, ...variables }, reporter: silentReporter });
}

describe('credentials for AWS', () => {
  test('are those of the environment', async () => {
    const variables = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: 'c' };
    const expected = { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c' };
    assert.deepEqual(await provider(variables).get(), expected);
    assert.equal(await provider({ AWS_ACCESS_KEY_ID: 'a' }).get(), undefined);
  });

  test('are those of a profile', async () => {
    using home = temporaryFolder();
    mkdirSync(join(home.path, '.aws'));
    const secrets =
      '[default]\naws_access_key_id = a\naws_secret_access_key=b\n\n# x\n[ other ]\naws_access_key_id = c\n';
    writeFileSync(join(home.path, '.aws/credentials'), secrets);
    const config =
      '[default]\nregion = x\ns3 =\n  aws_access_key_id = z\n[profile other]\naws_secret_access_key = d\n' +
      `[profile made]\ncredential_process = echo '{"AccessKeyId":"e","SecretAccessKey":"f","SessionToken":"g"}'\n` +
      '[profile broken]\ncredential_process = false\n[profile role]\nrole_arn = x\n';
    writeFileSync(join(home.path, '.aws/config'), config);
    const variables = { HOME: home.path };
    const get = async (profile: string) => {
      const found = await provider(variables, profile).get();
      return [found?.accessKeyId, found?.secretAccessKey, found?.sessionToken];
    };
    assert.deepEqual(await get(''), ['a', 'b', undefined]);
    assert.deepEqual(await get('other'), ['c', 'd', undefined]);
    assert.deepEqual(await get('made'), ['e', 'f', 'g']);
    assert.deepEqual(await get('absent'), [undefined, undefined, undefined]);
    await assert.rejects(get('broken'), {
      code: 'cache/no-credentials',
      message: /credential_process 'false' gave none|gave no/,
    });
    await assert.rejects(get('role'), { code: 'cache/no-credentials', message: /profile 'role' has 'role_arn'/ });
    const chosen = await provider({ ...variables, AWS_PROFILE: 'other' }).get();
    assert.equal(chosen?.accessKeyId, 'c');
  });

  test('are those of the machine or the container, renewed before they end', async () => {
    let count = 0;
    const server = createServer((request, response) => {
      const token = request.headers['x-aws-ec2-metadata-token'] ?? request.headers.authorization;
      if (request.method === 'PUT') response.end('token');
      else if (token !== 'token') response.writeHead(401).end();
      else if (request.url === '/latest/meta-data/iam/security-credentials/') response.end('role\n');
      else {
        const Expiration = new Date(Date.now() + (count === 0 ? 60_000 : 3_600_000)).toISOString();
        response.end(JSON.stringify({ AccessKeyId: `k${count++}`, SecretAccessKey: 's', Token: 't', Expiration }));
      }
    });
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const url = `http://127.0.0.1:${address.port}`;
      const machine = provider({ AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: url });
      assert.equal((await machine.get())?.accessKeyId, 'k0');
      assert.equal((await machine.get())?.accessKeyId, 'k1');
      assert.equal((await machine.get())?.accessKeyId, 'k1');
      const container = provider({
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/x`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token',
      });
      assert.deepEqual(await container.get(), { accessKeyId: 'k2', secretAccessKey: 's', sessionToken: 't' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
