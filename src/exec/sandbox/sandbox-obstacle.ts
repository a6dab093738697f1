import { readFileSync } from 'node:fs';

/** What must be set for anybody to make user namespaces; each is a file only of the kernels that have it. */
const settings = [
  { name: 'kernel.unprivileged_userns_clone', forbids: (value: string) => value === '0', right: '1' },
  { name: 'user.max_user_namespaces', forbids: (value: string) => value === '0', right: '10000' },
  { name: 'kernel.apparmor_restrict_unprivileged_userns', forbids: (value: string) => value === '1', right: '0' },
] as const;

export const noBubblewrap =
  "sandboxes need bubblewrap, which is not installed: install the package 'bubblewrap' with your package manager";

/** Why bubblewrap failed to make a sandbox that holds nothing; `said` is what it said. */
export function explainObstacle(said: string): string {
  for (const { name, forbids, right } of settings) {
    const value = readSetting(name);
    if (value !== undefined && forbids(value)) {
      return `sandboxes need user namespaces, which this system's settings forbid: enable them with 'sysctl -w ${name}=${right}'`;
    }
  }
  if (/unknown option/i.test(said))
    return `sandboxes need bubblewrap 0.8 or newer (${said}): update the package 'bubblewrap'`;
  return `bubblewrap cannot make sandboxes here (${said}): allow user namespaces and mounts; in a container, run it with fewer restrictions`;
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'latin1').trim();
  } catch {
    return undefined;
  }
}
