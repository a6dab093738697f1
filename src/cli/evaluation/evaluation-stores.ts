import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { type EvaluationRealising, openRealising } from '../installables/realising.ts';
import { openCommandStore, openStoreAt } from '../open-store.ts';

export interface EvaluationStoresOptions {
  /** Where derivations and sources go, unless it is the command's store. */
  readonly evalUri: string | undefined;
  /** The command's store and what makes things valid there, where somebody has opened them; they stay theirs. */
  readonly store?: Store | undefined;
  readonly realising?: EvaluationRealising | undefined;
}

/** The stores that the evaluations of a command meet, each opened when it is first asked for. */
export class EvaluationStores implements AsyncDisposable {
  readonly #context: CommandContext;
  readonly #evalUri: string | undefined;
  readonly #opened = new AsyncDisposableStack();
  #store: Promise<Store> | undefined;
  #evalStore: Promise<Store> | undefined;
  #realising: Promise<EvaluationRealising> | undefined;

  constructor(context: CommandContext, { evalUri, store, realising }: EvaluationStoresOptions) {
    this.#context = context;
    this.#evalUri = evalUri;
    this.#store = store === undefined ? undefined : Promise.resolve(store);
    this.#realising = realising === undefined ? undefined : Promise.resolve(realising);
  }

  /** The store that the command works on. */
  store(): Promise<Store> {
    return (this.#store ??= this.#use(openCommandStore(this.#context)));
  }

  /** Where derivations and sources go: the same, unless `--eval-store` says otherwise. */
  evalStore(): Promise<Store> {
    if (this.#evalUri === undefined) return this.store();
    return (this.#evalStore ??= this.#use(openStoreAt(this.#evalUri, this.#context)));
  }

  /** What makes things valid that an evaluation needs. */
  realising(): Promise<EvaluationRealising> {
    return (this.#realising ??= this.#openRealising());
  }

  async #openRealising(): Promise<EvaluationRealising> {
    const evalStore = await this.evalStore();
    return this.#use(openRealising(await this.store(), this.#context, { evalStore }));
  }

  async #use<T extends AsyncDisposable>(opening: Promise<T>): Promise<T> {
    return this.#opened.use(await opening);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}
