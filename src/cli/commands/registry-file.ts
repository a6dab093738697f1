import { displayBytes } from '../../base/index.ts';
import { type RegistryEntry, readRegistry, withoutEntry, writeRegistry } from '../../engine/index.ts';
import { type FlakeRef, parseFlakeRef } from '../../eval/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';

/** The file that commands change that change a registry: the user's, unless `--registry` names another. */
export class RegistryFile {
  readonly flag: Flag;
  readonly #context: CommandContext;
  #path: string | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
    this.flag = {
      long: 'registry',
      labels: ['registry'],
      summary: 'The registry to change.',
      apply: path => (this.#path = displayBytes(path)),
    };
  }

  /** Lets `from` stand for `to`, or for nothing. Throws the system's errors. */
  change(from: FlakeRef, to?: FlakeRef): void {
    const { environment, log } = this.#context;
    const path = this.#path ?? `${environment.userConfDir}/registry.json`;
    const entries: RegistryEntry[] = withoutEntry(readRegistry(path, log), from.input);
    if (to !== undefined) entries.push({ from: from.input, to, isExact: false });
    writeRegistry(path, entries);
  }
}

/** What is typed for a flake of a registry; paths are absolute. Throws `eval/error`, `feature/disabled`. */
export function parseRegistryRef({ settings }: CommandContext, text: string): FlakeRef {
  const flake = parseFlakeRef(text);
  if (flake.input.scheme?.type === 'path' || flake.input.scheme?.isIndirect === true) settings.require('flakes');
  return flake;
}
