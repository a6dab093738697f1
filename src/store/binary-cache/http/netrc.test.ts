import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Netrc, readNetrc } from './netrc.ts';

describe('a netrc file', () => {
  const cases: [text: string, host: string, expected: [user: string, password: string] | undefined][] = [
    ['', 'a', undefined],
    ['machine a login u password p', 'a', ['u', 'p']],
    ['machine a login u password p', 'b', undefined],
    ['machine a\nlogin u\n\tpassword p\nmachine b login v', 'b', ['v', '']],
    ['machine a login first machine a login second', 'a', ['first', '']],
    ['machine a login u password p default login d password e', 'x', ['d', 'e']],
    ['machine a account z login u password "p q\\"r"', 'a', ['u', 'p q"r']],
    ['# machine a login no\nmachine a login yes password # \n', 'a', ['yes', '#']],
    ['machine a login u\nmacdef init\nmachine b login no\ncd x\n\nmachine c login w', 'c', ['w', '']],
    ['machine a login u\nmacdef init\nmachine b login no\ncd x\n\nmachine c login w', 'b', undefined],
    ['login nobody password nothing', 'a', undefined],
    ['machine', 'a', undefined],
  ];
  for (const [text, host, expected] of cases) {
    test(`${JSON.stringify(text)} says of ${host}`, () => {
      const found = new Netrc(text).credentials(host);
      assert.deepEqual(found === undefined ? undefined : [found.user, found.password], expected);
    });
  }

  test('may be anything, or not be there', () => {
    assert.equal(readNetrc('/nonexistent').credentials('a'), undefined);
    const words = fc.array(
      fc.constantFrom('machine', 'default', 'login', 'password', 'macdef', '"', '#', '\n', '\n\n', ' ', 'a', '\\'),
    );
    fc.assert(fc.property(words, parts => void new Netrc(parts.join(' ')).credentials('a')));
  });
});
