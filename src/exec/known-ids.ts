import { readFileSync } from 'node:fs';
import type { UserIds } from './action.ts';

/** Whether this process's user namespace has these ids, so that root in it can give them to others: user_namespaces(7). */
export function hasIds({ user, group }: UserIds): boolean {
  return isMapped('uid_map', user) && isMapped('gid_map', group);
}

function isMapped(map: 'uid_map' | 'gid_map', id: number): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/self/${map}`, 'latin1');
  } catch {
    // Without user namespaces all ids are there.
    return true;
  }
  return text.split('\n').some(line => {
    const [first = NaN, , count = NaN] = line.trim().split(/\s+/).map(Number);
    return id >= first && id < first + count;
  });
}
