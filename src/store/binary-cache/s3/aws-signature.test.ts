import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signRequest } from './aws-signature.ts';

// From "Authenticating Requests: Using the Authorization Header" of the Amazon S3 API Reference.
const options = {
  credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  region: 'us-east-1',
  service: 's3',
  now: new Date('2013-05-24T00:00:00Z'),
};
const host = 'https://examplebucket.s3.amazonaws.com';
const cases = [
  {
    what: 'a download of a part',
    request: { method: 'GET', url: `${host}/test.txt`, headers: { Range: 'bytes=0-9' }, body: undefined },
    names: 'host;range;x-amz-content-sha256;x-amz-date',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    what: 'an upload',
    request: {
      method: 'PUT',
      url: `${host}/test$file.text`,
      headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      body: { bytes: Buffer.from('Welcome to Amazon S3.') },
    },
    names: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    what: 'a parameter without a value',
    request: { method: 'GET', url: `${host}/?lifecycle`, headers: {}, body: undefined },
    names: 'host;x-amz-content-sha256;x-amz-date',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    what: 'parameters',
    request: { method: 'GET', url: `${host}/?prefix=J&max-keys=2`, headers: {}, body: undefined },
    names: 'host;x-amz-content-sha256;x-amz-date',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
] as const;

for (const { what, request, names, signature } of cases) {
  test(`signs as AWS says: ${what}`, () => {
    const { authorization } = signRequest({ ...request, url: new URL(request.url) }, options);
    assert.equal(
      authorization,
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    );
  });
}

test('tells of a session and leaves files unsigned', () => {
  const credentials = { ...options.credentials, sessionToken: 'token' };
  const url = new URL(`${host}/x`);
  const body = { file: '/x', size: 7 };
  const headers = signRequest({ method: 'PUT', url, headers: {}, body }, { ...options, credentials });
  assert.equal(headers['x-amz-security-token'], 'token');
  assert.equal(headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
  assert.match(headers['authorization'] ?? '', /x-amz-security-token/);
});
