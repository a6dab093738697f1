import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReapiError } from '../error.ts';
import { parseEndpoint } from './server-endpoint.ts';

test('addresses of servers', () => {
  const tcp = (host: string, port: number, tls?: object) => ({ transport: 'tcp', host, port, tls });
  const cases = [
    ['grpc://localhost:8980', tcp('localhost', 8980), ''],
    ['grpc://localhost', tcp('localhost', 8980), ''],
    ['grpc://10.0.0.1:1/main', tcp('10.0.0.1', 1), 'main'],
    ['grpc://[::1]:8980/a/b/', tcp('::1', 8980), 'a/b'],
    ['grpcs://cache.example.org', tcp('cache.example.org', 443, {}), ''],
    ['grpcs://cache.example.org:8443/x', tcp('cache.example.org', 8443, {}), 'x'],
    ['unix:///run/firn/socket', { transport: 'unix', path: '/run/firn/socket' }, ''],
  ] as const;
  for (const [text, address, instance] of cases) assert.deepEqual(parseEndpoint(text), { address, instance }, text);
  for (const text of [
    '',
    'localhost:8980',
    'grpc://',
    'grpc://localhost:0',
    'grpc://localhost:65536',
    'grpc://user@localhost:1',
    'http://localhost:1',
    'unix://relative',
  ]) {
    assert.throws(
      () => parseEndpoint(text),
      (error: unknown) => error instanceof ReapiError && error.code === 'endpoint/malformed',
      text,
    );
  }
});
