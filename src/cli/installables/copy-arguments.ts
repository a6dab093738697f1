import { displayBytes } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore, openStoreAt } from '../open-store.ts';

/**
 * The flags of commands that copy from one store to another, `--from` and `--to`. One of them may be left out and is
 * then the store that commands work on.
 */
export class CopyArguments {
  readonly flags: readonly Flag[];
  readonly #context: CommandContext;
  #from: string | undefined;
  #to: string | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
    this.flags = [
      {
        long: 'from',
        labels: ['store-uri'],
        summary: 'The store to copy from.',
        apply: uri => (this.#from = displayBytes(uri)),
      },
      {
        long: 'to',
        labels: ['store-uri'],
        summary: 'The store to copy to.',
        apply: uri => (this.#to = displayBytes(uri)),
      },
    ];
  }

  openSource(): Promise<Store> {
    return this.#open(this.#from);
  }

  /** Throws `usage/missing-flag` where both stores were left out. */
  async openDestination(): Promise<Store> {
    if (this.#from === undefined && this.#to === undefined) {
      throw new CliError('usage/missing-flag', "you must pass '--from' and/or '--to'");
    }
    return this.#open(this.#to);
  }

  /** As `openDestination`, for commands that may also work within one store. */
  openTarget(): Promise<Store> {
    return this.#open(this.#to);
  }

  #open(uri: string | undefined): Promise<Store> {
    return uri === undefined ? openCommandStore(this.#context) : openStoreAt(uri, this.#context);
  }
}
