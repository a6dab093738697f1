import { displayBytes } from '../../base/index.ts';
import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';

/** The variables of an environment, by name. */
export type Variables = Readonly<Record<string, string>>;

/** This process's environment. */
export function ownVariables(): Variables {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The flags that say which environment a program gets: of `nix shell`, `run` and `develop`. */
export class EnvironmentFlags {
  readonly flags: readonly Flag[];
  #ignoresOwn = false;
  readonly #kept = new Set<string>();
  readonly #unset = new Set<string>();
  readonly #set = new Map<string, string>();

  constructor() {
    this.flags = [
      {
        long: 'ignore-env',
        aliases: ['ignore-environment'],
        short: 'i',
        labels: [],
        summary: 'Clear the environment, but for what --keep-env-var names.',
        apply: () => (this.#ignoresOwn = true),
      },
      {
        long: 'keep-env-var',
        aliases: ['keep'],
        short: 'k',
        labels: ['name'],
        summary: 'Keep this variable where --ignore-env clears the environment.',
        apply: name => this.#kept.add(displayBytes(name)),
      },
      {
        long: 'unset-env-var',
        aliases: ['unset'],
        short: 'u',
        labels: ['name'],
        summary: 'Leave this variable out of the environment.',
        apply: name => this.#leaveOut(displayBytes(name)),
      },
      {
        long: 'set-env-var',
        short: 's',
        labels: ['name', 'value'],
        summary: 'Give this variable this value.',
        apply: (name, value) => this.#setTo(displayBytes(name), displayBytes(value)),
      },
    ];
  }

  #leaveOut(name: string): void {
    if (this.#set.has(name)) {
      throw conflict(`Cannot unset environment variable '${name}' that is set with '--set-env-var'`);
    }
    this.#unset.add(name);
  }

  #setTo(name: string, value: string): void {
    if (this.#unset.has(name)) {
      throw conflict(`Cannot set environment variable '${name}' that is unset with '--unset-env-var'`);
    }
    if (this.#set.has(name)) {
      throw conflict(`Duplicate definition of environment variable '${name}' with '--set-env-var' is ambiguous`);
    }
    this.#set.set(name, value);
  }

  /** What becomes of an environment. Throws `usage/useless-flag` for flags that go against each other. */
  apply(own: Variables): Variables {
    if (this.#ignoresOwn && this.#unset.size > 0) {
      throw conflict('--unset-env-var does not make sense with --ignore-env');
    }
    if (!this.#ignoresOwn && this.#kept.size > 0) {
      throw conflict('--keep-env-var does not make sense without --ignore-env');
    }
    const kept = Object.entries(own).filter(([name]) => !this.#ignoresOwn || this.#kept.has(name));
    const all = [...kept, ...this.#set].filter(([name]) => !this.#unset.has(name));
    return Object.fromEntries(all);
  }
}

function conflict(message: string): CliError {
  return new CliError('usage/useless-flag', message);
}
