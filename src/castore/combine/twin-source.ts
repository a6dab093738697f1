type Chunk = IteratorResult<Uint8Array, unknown>;

/**
 * One source of lent chunks for two readers, who go in step: the source is asked for a chunk once both have asked, so
 * that a chunk stays lent while either needs it.
 */
export class TwinSource {
  readonly #source: AsyncIterator<Uint8Array, unknown> | Iterator<Uint8Array, unknown>;
  /** Who asked first waits here for the other. */
  #turn: PromiseWithResolvers<Chunk> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** To be called twice. */
  async *reader(): AsyncGenerator<Uint8Array, void> {
    for (let chunk = await this.#next(); chunk.done !== true; chunk = await this.#next()) yield chunk.value;
  }

  /** Ends the source, and the readers with `error`: called when one of them will not read on. */
  async abandon(error: unknown): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#turn?.reject(error);
    this.#turn = undefined;
    await this.#source.return?.();
  }

  #next(): Promise<Chunk> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const turn = this.#turn;
    if (turn === undefined) {
      this.#turn = Promise.withResolvers();
      return this.#turn.promise;
    }
    this.#turn = undefined;
    this.#pull().then(turn.resolve, turn.reject);
    return turn.promise;
  }

  async #pull(): Promise<Chunk> {
    return this.#source.next();
  }
}
