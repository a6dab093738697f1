import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { filterEscapes, normal, red } from './ansi.ts';

describe('filterEscapes', () => {
  test('removes all escapes, or all but colours', () => {
    const text = `${red}error:${normal} a\u001b[2Jb\u001b]0;title\u0007c\u001b]8;;x\u001b\\d\u001b7e\u001bPf`;
    assert.equal(filterEscapes(text, false), 'error: abcd7ef');
    assert.equal(filterEscapes(text, true), `${red}error:${normal} abcd7ef`);
  });

  test('expands tabs and drops what moves the cursor or rings', () => {
    assert.equal(filterEscapes('a\tb\tc\rd\u0007', false), 'a       b       cd');
    assert.equal(filterEscapes('12345678\tx\n\ty', false), '12345678        x\n        y');
  });

  test('leaves no escape behind, whatever the text', () => {
    const text = fc.string({
      unit: fc.constantFrom('\u001b', '[', ']', ';', '1', 'm', 'J', '\u0007', '\\', 'x'),
      maxLength: 20,
    });
    fc.assert(fc.property(text, value => assert.doesNotMatch(filterEscapes(value, false), /\u001b|\u0007/)));
  });
});
