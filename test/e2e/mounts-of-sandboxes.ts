import { readFileSync } from 'node:fs';

/** Other tests may have views at the same time, which these sandboxes have not. */
export function mountsOfSandboxes(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter(line => !line.includes(' - fuse'));
}
