import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentReporter } from '../../../base/index.ts';
import { openTestStore } from '../../../testing/index.ts';
import { type AddressingStyle, s3Location } from './s3-location.ts';

describe('the place of a bucket', () => {
  const cases: [bucket: string, style: AddressingStyle, endpoint: string, expected: string | RegExp][] = [
    ['b', 'auto', '', 'https://b.s3.eu-west-1.amazonaws.com/'],
    ['b', 'virtual', '', 'https://b.s3.eu-west-1.amazonaws.com/'],
    ['b', 'path', '', 'https://s3.eu-west-1.amazonaws.com/b/'],
    ['a.b', 'auto', '', 'https://s3.eu-west-1.amazonaws.com/a.b/'],
    ['a.b', 'virtual', '', /contains a dot, which is incompatible/],
    ['b', 'auto', 'minio:9000', 'https://minio:9000/b/'],
    ['b', 'virtual', 'minio:9000', 'https://b.minio:9000/'],
    ['b', 'auto', 'http://minio/sub/', 'http://minio/sub/b/'],
    ['b', 'auto', 'ftp://x', /is no URL of http or https/],
    ['', 'auto', '', /missing or invalid bucket name/],
    ['a@b', 'auto', '', /missing or invalid bucket name/],
  ];
  for (const [bucket, style, endpoint, expected] of cases) {
    test(`${bucket} ${style} ${endpoint}`, () => {
      const at = (prefix: string) =>
        s3Location({
          bucket,
          style,
          endpoint,
          prefix,
          region: 'eu-west-1',
          scheme: 'https',
          reporter: silentReporter,
        }).href;
      if (typeof expected === 'string') {
        assert.equal(at(''), expected);
        assert.equal(at('p q/r'), `${expected}p%20q/r/`);
      } else assert.throws(() => at(''), { code: 'store-uri/malformed', message: expected });
    });
  }

  test('refuses parameters that cannot be', async () => {
    for (const [query, message] of [
      ['addressing-style=x', "option 'addressing-style' has invalid value 'x', expected 'auto', 'path', or 'virtual'"],
      ['multipart-chunk-size=100', 'multipart-chunk-size must be at least 5.0 MiB, got 0.1 KiB'],
      ['buffer-size=6000000000', 'multipart-chunk-size must be at most 5.0 GiB, got 5.6 GiB'],
    ])
      await assert.rejects(openTestStore(`s3://b?${query}`), { code: 'store-uri/malformed', message: message ?? '' });
  });
});
