import { create } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';

/** A moment as messages write it; in milliseconds since the epoch, with parts of them. */
export function timestampOf(milliseconds: number): Timestamp {
  const { seconds, nanos } = splitSeconds(milliseconds);
  return create(TimestampSchema, { seconds, nanos });
}

export function durationOf(milliseconds: number): Duration {
  const { seconds, nanos } = splitSeconds(milliseconds);
  return create(DurationSchema, { seconds, nanos });
}

function splitSeconds(milliseconds: number) {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((milliseconds - seconds * 1000) * 1_000_000) };
}

/** Now, in milliseconds since the epoch, with parts of them: `Date.now` has none. */
export function currentTime(): number {
  return performance.timeOrigin + performance.now();
}
