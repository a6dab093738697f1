/** Milliseconds for which a machine is left alone that could not be reached. */
const timeout = 60_000;

/** Which machines could not be reached shortly before, by their stores' URIs: for all builds of a process. */
export class MachineHealth {
  readonly #until = new Map<string, number>();

  isAlive(uri: string): boolean {
    const until = this.#until.get(uri);
    if (until === undefined) return true;
    if (performance.now() < until) return false;
    this.#until.delete(uri);
    return true;
  }

  noteFailure(uri: string): void {
    this.#until.set(uri, performance.now() + timeout);
  }
}
