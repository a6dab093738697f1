import { GrpcStatus } from './grpc-status.ts';

const unitsInMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds that `grpc-timeout` says (gRPC over HTTP/2, "Timeout"). Throws `invalidArgument`. */
export function parseTimeout(text: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : unitsInMs[match[2]];
  if (match === null || unit === undefined) {
    throw new GrpcStatus('invalidArgument', `grpc-timeout is no time: '${text.slice(0, 80)}'`);
  }
  return Number(match[1]) * unit;
}

/** The other way; at most eight digits are allowed, so long times lose precision. */
export function formatTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  if (whole < 1e8) return `${whole}m`;
  return `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`;
}
