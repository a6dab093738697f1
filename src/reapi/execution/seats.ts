import { type UserIds, hasIds } from '../../exec/index.ts';

/** Behind the ids that builds of derivations are given (`auto-allocate-uids`). */
const firstUser = 0x3480_0000;

/** In the ids that containers usually have. */
const firstUserOfContainers = 61_000;

/** A place where one action runs at a time. */
export interface Seat extends Disposable {
  /** Whose processes and files an action's are there: nobody else's. Undefined where they can only be ours. */
  readonly owner: UserIds | undefined;
}

/** Who actions run as: one user each at a time, where we are root. */
export class Seats {
  readonly #taken = new Set<number>();
  readonly #isRoot: boolean;

  constructor(isRoot = process.geteuid?.() === 0) {
    this.#isRoot = isRoot;
  }

  /** Whether actions run as others than we are. */
  get hasOwners(): boolean {
    return this.#isRoot && idsOf(0) !== undefined;
  }

  take(): Seat {
    let number = 0;
    while (this.#taken.has(number)) number++;
    this.#taken.add(number);
    return {
      owner: this.#isRoot ? idsOf(number) : undefined,
      [Symbol.dispose]: () => void this.#taken.delete(number),
    };
  }
}

function idsOf(number: number): UserIds | undefined {
  const candidates = [firstUser, firstUserOfContainers].map(first => ({ user: first + number, group: first + number }));
  return candidates.find(hasIds);
}
