/** A line of `/proc/PID/mounts`: proc_pid_mounts(5), fstab(5). */
export interface MountedPlace {
  /** Absolute. */
  readonly place: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** What is mounted, the latest last. */
export function parseMountTable(table: string): MountedPlace[] {
  return table
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [, place = '', type = '', options = ''] = line.split(' ');
      return { place: unescapePlace(place), type, options: options.split(',') };
    });
}

/** Blanks, tabs, line ends and backslashes are written in octal. */
function unescapePlace(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
