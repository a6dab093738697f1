import type { ByteSource } from '../../nix-compat/index.ts';

/** A connection's two directions, before anybody speaks a protocol on it. */
export interface ByteChannel extends AsyncDisposable {
  /** What the other side sends. Each chunk is lent until the next is asked for. */
  readonly source: ByteSource;
  /** Aborted when the other side has said its last, also while nobody reads. */
  readonly ended: AbortSignal;
  /** `bytes` are lent. What is written to a side that is gone is dropped: `drain` tells. */
  write(bytes: Uint8Array): void;
  /** Whether the other side is slow to read: what nobody would miss need not be written now. */
  readonly isCongested: boolean;
  /** Bytes that were written and are still here. */
  readonly waitingSize: number;
  /** Waits for room. Throws `remote/disconnected` where nothing written arrives any more. */
  drain(): Promise<void>;
  /** Says that nothing more will be written. */
  end(): void;
  /** Ends the connection at once, whatever is on its way. */
  destroy(): void;
}
