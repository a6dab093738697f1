import type { BuildFailureStatus } from '../../nix-compat/index.ts';

/**
 * The status with which commands end that failed to build something: 100 for a failed builder, 101 for one that took too
 * long, 102 for an output of another hash than promised, 104 for one that differs from the last; sums of these are several
 * (Nix manual, `nix-build`). 1 if there was nothing of the kind.
 */
export function failingExitStatus(failures: Iterable<BuildFailureStatus>): number {
  let bits = 0;
  for (const status of failures) bits |= bitsOf[status] ?? 0;
  return bits === 0 ? 1 : bits | 0x60;
}

const bitsOf: { readonly [Status in BuildFailureStatus]?: number } = {
  InputRejected: 0x04,
  PermanentFailure: 0x04,
  TimedOut: 0x05,
  HashMismatch: 0x06,
  NotDeterministic: 0x08,
};
