import type { Http2Session } from 'node:http2';

/** What every stream may have on its way to us from the start, in bytes: HTTP/2's own default, rounded. */
const firstWindow = 65_535;
const maxWindow = 4 * 1024 * 1024;
/** Of the streams of one connection together. */
const maxTogether = 16 * 1024 * 1024;
/** A connection that has sent so much is worth a larger window. */
const worthwhile = 256 * 1024;

/**
 * Receive windows of all connections of a server. Streams of a connection that sends much may have more on its way, from a
 * budget that all share: 1,000 windows of 4 MiB each would be filled by 1,000 clients that nobody reads from. A connection
 * without streams gives its share back when another one wants it.
 */
export class ReceiveWindows {
  readonly #windows = new Set<SessionWindow>();
  #left: number;

  /** `budget` in bytes. */
  constructor(budget: number) {
    this.#left = budget;
  }

  /** Of a new connection, until it is closed. */
  attach(session: Http2Session): SessionWindow {
    const window = new SessionWindow(session, this);
    this.#windows.add(window);
    session.once('close', () => {
      this.#windows.delete(window);
      this.#left += window.share;
    });
    return window;
  }

  /** Gives a share of `bytes` in place of what the window has; false when there is not so much. */
  exchange(window: SessionWindow, bytes: number): boolean {
    if (bytes - window.share > this.#left) this.#reclaim();
    if (bytes - window.share > this.#left) return false;
    this.#left -= bytes - window.share;
    window.share = bytes;
    return true;
  }

  #reclaim(): void {
    for (const window of this.#windows) if (window.isIdle) window.shrink();
  }
}

/** The window of each stream of one connection. */
export class SessionWindow {
  readonly #session: Http2Session;
  readonly #windows: ReceiveWindows;
  #streams = 0;
  #received = 0;
  #size = firstWindow;
  /** Of the budget, in bytes; `ReceiveWindows` sets it. */
  share = 0;

  constructor(session: Http2Session, windows: ReceiveWindows) {
    this.#session = session;
    this.#windows = windows;
  }

  get isIdle(): boolean {
    return this.#streams === 0 && this.share > 0;
  }

  /** In bytes, of each stream. */
  get size(): number {
    return this.#size;
  }

  open(): void {
    this.#streams++;
    // More streams than the share was for.
    if (this.share > 0 && this.#size * this.#streams > this.share) this.#fit();
  }

  close(): void {
    this.#streams--;
  }

  /** Of messages. */
  received(bytes: number): void {
    if (this.#size >= maxWindow) return;
    this.#received += bytes;
    if (this.#received < worthwhile) return;
    this.#received = 0;
    this.#fit();
  }

  shrink(): void {
    this.#windows.exchange(this, 0);
    this.#set(firstWindow);
  }

  /** The largest window that the streams can have each. */
  #fit(): void {
    const streams = Math.max(1, this.#streams);
    let size = maxWindow;
    while (size > firstWindow && (size * streams > maxTogether || !this.#windows.exchange(this, size * streams)))
      size /= 2;
    if (size > firstWindow) this.#set(size);
    else this.shrink();
  }

  #set(size: number): void {
    if (size === this.#size || this.#session.destroyed || this.#session.closed) return;
    this.#size = size;
    // The connection's own window is opened again as soon as bytes come, whoever reads them: it need only not stand in the way.
    this.#session.setLocalWindowSize(Math.max(firstWindow, 2 * size));
    this.#session.settings({ initialWindowSize: size });
  }
}
