import { displayBytes, magenta, normal, red } from '../../base/index.ts';
import { type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';

/** Why a machine does not build what it is asked to. */
export interface Rejection {
  /** Whether it is not to build anything (`max-jobs = 0`). */
  readonly isDisabled: boolean;
  /** As `findObstacle` has it. */
  readonly obstacle: string | undefined;
}

/** What is said where nobody else could build it either: C++ Nix's words. Undefined where there is no reason. */
export function describeRejection(
  storeDir: StoreDir,
  path: StorePath,
  { isDisabled, obstacle }: Rejection,
): string | undefined {
  const reasons: string[] = [];
  if (isDisabled) {
    reasons.push(
      `Reason: ${red}local builds are disabled${normal} (max-jobs = 0)`,
      "Hint: set 'max-jobs' to a non-zero value to enable local builds, or configure remote builders via 'builders'",
    );
  }
  if (obstacle !== undefined) reasons.push(obstacle);
  if (reasons.length === 0) return undefined;
  return [`Cannot build '${magenta}${displayBytes(printStorePath(storeDir, path))}${normal}'.`, ...reasons].join('\n');
}

/** What is said where the store is none that this process builds in. */
export const notLocalRejection =
  "Unable to build with a primary store that isn't a local store; either pass a different '--store' or enable remote builds.\n\nFor more information check 'man nix.conf' and search for '/machines'.";
