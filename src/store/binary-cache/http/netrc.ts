import { readFileSync } from 'node:fs';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Longer files are not looked at. */
const maxSize = 1024 * 1024;

/** The accounts of a netrc(5) file, by machine. `default` counts for those that it does not name. */
export class Netrc {
  readonly #machines = new Map<string, Credentials>();
  #default: Credentials | undefined;

  /** What is no part of the format is passed over, as curl does. */
  constructor(text: string) {
    const words = wordsOf(text);
    let machine: string | undefined;
    let user = '';
    let password = '';
    let isOpen = false;
    const close = () => {
      if (!isOpen) return;
      if (machine === undefined) this.#default ??= { user, password };
      else if (!this.#machines.has(machine)) this.#machines.set(machine, { user, password });
    };
    for (let at = 0; at < words.length; at++) {
      const word = words[at];
      if (word === 'machine' || word === 'default') {
        close();
        [user, password] = ['', ''];
        machine = word === 'machine' ? words[++at] : undefined;
        // A name that is missing does not make it the default.
        isOpen = word === 'default' || machine !== undefined;
      } else if (word === 'login') user = words[++at] ?? '';
      else if (word === 'password') password = words[++at] ?? '';
      else if (word === 'account') at++;
    }
    close();
  }

  /** Of a host, without port. */
  credentials(host: string): Credentials | undefined {
    return this.#machines.get(host) ?? this.#default;
  }
}

/** No accounts where there is no such file or it cannot be read. */
export function readNetrc(file: string): Netrc {
  try {
    const bytes = readFileSync(file);
    return new Netrc(bytes.byteLength > maxSize ? '' : bytes.toString('utf8'));
  } catch {
    return new Netrc('');
  }
}

/** Quotes hold words together; a backslash within them takes the next character as it is. Macros are left out. */
function wordsOf(text: string): string[] {
  const plain = text.replaceAll(/^[ \t]*macdef\b.*(?:\n(?!\s*\n).*)*/gm, '').replaceAll(/^[ \t]*#.*$/gm, '');
  const words: string[] = [];
  for (const [word] of plain.matchAll(/"(?:[^"\\]|\\.)*"|\S+/gs)) {
    words.push(word.startsWith('"') && word.length > 1 ? word.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : word);
  }
  return words;
}
