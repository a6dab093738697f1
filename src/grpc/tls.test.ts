import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GrpcClient, GrpcServer, type TlsIdentity, unary } from './index.ts';

// Made by openssl 3 for these tests alone, valid until 2126: a CA, and what it signed for a server and for a client (P-256).
const ca = `-----BEGIN CERTIFICATE-----
MIIBfDCCASGgAwIBAgIUQKhk7ORgpL7OdS1iCkq0WsydP04wCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMzAxMjQzMTRaGA8yMTI2MTEwNjEy
NDMxNFowEjEQMA4GA1UEAwwHdGVzdC1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABCJF8oijl5DR+PkqEp9Iy1PluhHoAZBLQX1QrvZ+6URTTCTE1PXvSR68tzmw
d6FMxVQRRXw7St1tjHxf0AaQ84CjUzBRMB0GA1UdDgQWBBQQDVzvjy4m2hHhk1qA
XrvDSAQctDAfBgNVHSMEGDAWgBQQDVzvjy4m2hHhk1qAXrvDSAQctDAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDochYjYjx6yAtU3KXzsQF3sfHm
TgrhyVJcC1s4LrLExwIhAO7c0vDPW4DM4sFUMUbcwdHkTaSnKIf0IHAIXroHZm1d
-----END CERTIFICATE-----`;
const server = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBhDCCASugAwIBAgIUYvd5pcJgokH4eaxx1jwBFh/Ga/kwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMzAxMjQzMTRaGA8yMTI2MTEwNjEy
NDMxNFowETEPMA0GA1UEAwwGc2VydmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEEq5O+yYSFRlWOR32uANwI7iiLpCR+4DZ3UbxPD9c/XkVRRCGS3xK2O2zdCmB
yenyYOPn8hI/UFEDYyYzvvPpjqNeMFwwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMB0GA1UdDgQWBBTiVk/9jC+yDnsEsQz20BzGPYswvjAfBgNVHSMEGDAWgBQQ
DVzvjy4m2hHhk1qAXrvDSAQctDAKBggqhkjOPQQDAgNHADBEAiAK+A+KiQFOhT4v
8tvAR22u1Mm2jFH4mrl0Aq3VSrJvdwIgITn98mb5+oMTpYTW4/CjLNfXhGsp6IcO
yYfEF5iQ8YE=
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLQNEjV7HAiThmj4J
imScJtIvTVv6KHS/kVa9F+NKqFuhRANCAAQSrk77JhIVGVY5Hfa4A3AjuKIukJH7
gNndRvE8P1z9eRVFEIZLfErY7bN0KYHJ6fJg4+fyEj9QUQNjJjO+8+mO
-----END PRIVATE KEY-----`,
};
const client = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBhjCCASugAwIBAgIUYvd5pcJgokH4eaxx1jwBFh/Ga/owCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMzAxMjQzMTRaGA8yMTI2MTEwNjEy
NDMxNFowETEPMA0GA1UEAwwGY2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAE/fEfTbvyiiCyCbAj/e7Khfp63myEnsqCYM91wzqc5EdKFkRTCeSG/P+glt7K
uCL/J61ltwgNEs2UuUdG5ul0QaNeMFwwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMB0GA1UdDgQWBBRKdBDnqg2esapd4xQPOW0cnHpbHTAfBgNVHSMEGDAWgBQQ
DVzvjy4m2hHhk1qAXrvDSAQctDAKBggqhkjOPQQDAgNJADBGAiEAqWMSYrVgVUin
7tYN7suVQzW7NHUUghHUh02CgHgpMD4CIQDLn4dVzPUFNGPh54G8lqSOCMjsk0d8
EbOOh1M4eu5k4w==
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBBJn1yPutcbtcGl4
S8fPMKNdcCwfXlN4+Dkmynm0csOhRANCAAT98R9Nu/KKILIJsCP97sqF+nrebISe
yoJgz3XDOpzkR0oWRFMJ5Ib8/6CW3sq4Iv8nrWW3CA0SzZS5R0bm6XRB
-----END PRIVATE KEY-----`,
};

const text = {
  decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
  encode: (value: string) => Buffer.from(value),
};
const who = { path: '/test.Who/Am', kind: 'unary', request: text, response: text } as const;

async function serve(tls: TlsIdentity) {
  const grpc = new GrpcServer([unary(who, (_, { peer }) => peer.certificateName ?? 'nobody')]);
  const { port } = await grpc.listen({ transport: 'tcp', host: '127.0.0.1', port: 0, tls });
  return {
    ask: async (identity: object = {}) => {
      await using caller = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port, tls: { ca, ...identity } });
      return await caller.unary(who, '', { timeout: 10_000 });
    },
    port,
    [Symbol.asyncDispose]: () => grpc.close(),
  };
}

describe('TLS', () => {
  it('proves who the server is', async () => {
    await using served = await serve(server);
    assert.equal(await served.ask(), 'nobody');
    await using stranger = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port: served.port, tls: {} });
    await assert.rejects(stranger.unary(who, ''), { code: 'unavailable' });
    await using plain = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port: served.port });
    await assert.rejects(plain.unary(who, ''), { code: 'unavailable' });
    assert.equal(await served.ask(), 'nobody');
  });

  it('proves who the client is where the server wants to know', async () => {
    await using served = await serve({ ...server, clientCa: ca });
    assert.equal(await served.ask(client), 'client');
    await assert.rejects(served.ask(), { code: 'unavailable' });
  });
});
