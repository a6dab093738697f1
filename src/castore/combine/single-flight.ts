import { untilAborted } from '../../base/index.ts';

interface Flight<Value> {
  readonly result: Promise<Value>;
  readonly stop: AbortController;
  waiting: number;
  landed: boolean;
}

/**
 * Lets callers who want the same thing at the same time share the work. An aborted caller leaves at once; the work goes
 * on until its last caller has left, and is aborted then.
 */
export class SingleFlight<Key, Value> {
  readonly #flights = new Map<Key, Flight<Value>>();

  async run(key: Key, work: (signal: AbortSignal) => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    try {
      return await untilAborted(flight.result, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0 && !flight.landed) {
        this.#forget(key, flight);
        flight.stop.abort(signal?.reason);
      }
    }
  }

  #start(key: Key, work: (signal: AbortSignal) => Promise<Value>): Flight<Value> {
    const stop = new AbortController();
    const flight: Flight<Value> = { result: work(stop.signal), stop, waiting: 0, landed: false };
    const land = () => {
      flight.landed = true;
      this.#forget(key, flight);
    };
    flight.result.then(land, land);
    this.#flights.set(key, flight);
    return flight;
  }

  #forget(key: Key, flight: Flight<Value>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
