import { readFileSync } from 'node:fs';

/** What must be set for anybody to make user namespaces; each is a file only of the kernels that have it. */
const settings = [
  { name: 'kernel.unprivileged_userns_clone', forbids: (value: string) => value === '0', right: '1' },
  { name: 'user.max_user_namespaces', forbids: (value: string) => value === '0', right: '10000' },
  { name: 'kernel.apparmor_restrict_unprivileged_userns', forbids: (value: string) => value === '1', right: '0' },
] as const;

/** Why a sandbox could not be made: `what` failed, for the system's `reason`. */
export function explainObstacle(what: string, reason: string): string {
  for (const { name, forbids, right } of settings) {
    const value = readSetting(name);
    if (value !== undefined && forbids(value)) {
      return `sandboxes need user namespaces, which this system forbids: enable them with 'sysctl -w ${name}=${right}'`;
    }
  }
  return `sandboxes cannot be made here (${what}: ${reason}): they need Linux 5.12 or newer with user namespaces; in a container, allow it to make namespaces and mounts`;
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'latin1').trim();
  } catch {
    return undefined;
  }
}
