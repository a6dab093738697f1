import type { IncomingHttpHeaders } from 'node:http';

/** How a whole body is wanted. */
export interface WholeBody {
  /** In bytes. */
  readonly limit: number;
  /** Gives memory of at least so many bytes for it, if they are known when they begin to come. */
  readonly memory?: ((size: number) => Uint8Array) | undefined;
}

/** An answer whose body is still to come: node:http's `IncomingMessage` is one. The body is iterated once, or `whole` is called. */
export interface ServerAnswer extends AsyncIterable<unknown> {
  readonly statusCode?: number | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Why the body has broken off. */
  readonly errored: Error | null;
  /**
   * The whole body in one piece, which is the caller's; undefined if it has more bytes than are wanted, of which the rest
   * is not read. `received` is told how many have come. Rejects where it breaks off.
   */
  whole?(wish: WholeBody, received: (bytes: number) => void): Promise<Uint8Array | undefined>;
  /** What has come of a body that was wanted as a whole and broke off; lent. */
  gathered?(): Uint8Array | undefined;
  /** Gives up what has not come yet. */
  destroy(): unknown;
}
