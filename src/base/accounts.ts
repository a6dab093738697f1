/** Users and groups of this machine, from files of the form of passwd(5) and group(5). */
import { readFileSync } from 'node:fs';

export interface User {
  readonly name: string;
  readonly id: number;
}

export interface Group {
  readonly name: string;
  readonly id: number;
  /** Names of the users that are in it beside those whose own group it is. */
  readonly members: readonly string[];
}

/** The first user of `file` that `matches`. Throws where the file cannot be read. */
export function findUser(matches: (user: User) => boolean, file = '/etc/passwd'): User | undefined {
  return entries(file)
    .map(([name = '', , id]) => ({ name, id: Number(id) }))
    .find(matches);
}

/** As `findUser`. */
export function findGroup(matches: (group: Group) => boolean, file = '/etc/group'): Group | undefined {
  return entries(file)
    .map(([name = '', , id, members = '']) => ({
      name,
      id: Number(id),
      members: members.split(',').filter(member => member !== ''),
    }))
    .find(matches);
}

function entries(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split(':'));
}
