import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from './npm-config.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** What apt is configured with. Names are compared in lower case, as apt does; of lists only the last item is kept. */
export class AptConfig {
  readonly #values: ReadonlyMap<string, string>;

  constructor(dump: string) {
    const lines = dump.matchAll(/^([^\s"]+) "(.*)";$/gm);
    this.#values = new Map(Array.from(lines, ([, name = '', value = '']) => [name.toLowerCase(), value]));
  }

  get(name: string): string | undefined {
    const value = this.#values.get(name.toLowerCase());
    return value === '' ? undefined : value;
  }

  /** A path that is made of those of the folders above it: `Dir::Etc::sourcelist`. */
  path(name: string, fallback: string): string {
    const parts = name.split('::');
    let path = '';
    for (const [at] of parts.entries()) {
      const isLast = at === parts.length - 1;
      const value = this.get(parts.slice(0, at + 1).join('::')) ?? (isLast ? fallback : '');
      path = value.startsWith('/') ? value : `${path.replace(/\/$/, '')}/${value}`;
    }
    return path;
  }
}

/** As `apt-config` says. Undefined where there is no apt. */
export async function readAptConfig(variables: Variables): Promise<AptConfig | undefined> {
  const program = findProgram('apt-config', variables);
  if (program === undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)(program, ['dump'], { env: variables });
    return new AptConfig(stdout);
  } catch {
    return undefined;
  }
}
