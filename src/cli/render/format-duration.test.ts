import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration } from './format-duration.ts';

test('durations have their two largest units', () => {
  const printed = [999, 1000, 59_999, 60_000, 125_000, 3_599_000, 3_720_000].map(formatDuration);
  assert.deepEqual(printed, ['', '1s', '59s', '1m00s', '2m05s', '59m59s', '1h02m']);
});
