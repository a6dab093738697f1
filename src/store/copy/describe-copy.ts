/** `local` and the daemon of this machine, with or without parameters: nothing that a message need name. */
const nearby = /^(?:auto|daemon|local|unix)(?::\/\/)?(?:\?|$)/;

/** What is said of the copy of one path, printed, between stores named by their URIs. */
export function describeCopy(path: string, from: string, to: string): string {
  if (nearby.test(from)) return `copying path '${path}' to '${to}'`;
  if (nearby.test(to)) return `copying path '${path}' from '${from}'`;
  return `copying path '${path}' from '${from}' to '${to}'`;
}
