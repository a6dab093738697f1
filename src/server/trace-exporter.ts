import { randomBytes } from 'node:crypto';
import { type CallRecord, statusCodes } from '../grpc/index.ts';

export interface TraceOptions {
  /** Where spans are posted as JSON (OTLP over HTTP): `http://HOST:4318/v1/traces`. */
  readonly endpoint: string;
  /** Headers besides, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onFault: (error: unknown) => void;
  /** In milliseconds, between two posts; 5 s unless given. */
  readonly interval?: number;
}

/** Spans that wait; those that come while nobody takes them are dropped. */
const maxWaiting = 4096;

/** In milliseconds: what a collector may take for one post. */
const postTimeout = 10_000;

/** Kinds and statuses of spans, as OpenTelemetry numbers them. */
const serverKind = 2;
const okStatus = 1;
const errorStatus = 2;

/** Tells OpenTelemetry of each call, as a span of the trace that its client names or else of one of its own. */
export class TraceExporter implements AsyncDisposable {
  readonly #options: TraceOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: object[] = [];
  #dropped = 0;
  #posting: Promise<void> | undefined;

  constructor(options: TraceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.interval ?? 5000);
    this.#timer.unref();
  }

  /** Spans that nobody took. */
  get dropped(): number {
    return this.#dropped;
  }

  record(record: CallRecord, now = Date.now()): void {
    if (this.#waiting.length >= maxWaiting) this.#dropped++;
    else this.#waiting.push(spanOf(record, now));
  }

  /** Posts what waits; what cannot be posted is dropped. */
  async flush(): Promise<void> {
    await this.#posting;
    if (this.#waiting.length === 0) return;
    const spans = this.#waiting;
    this.#waiting = [];
    this.#posting = this.#post(spans).finally(() => (this.#posting = undefined));
    await this.#posting;
  }

  async #post(spans: readonly object[]): Promise<void> {
    const { endpoint, headers, onFault } = this.#options;
    const resource = { attributes: [attribute('service.name', 'firn')] };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'firn' }, spans }] }] });
    try {
      const answer = await fetch(endpoint, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(postTimeout),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`the collector of traces at ${endpoint} answered ${answer.status}`);
    } catch (error) {
      this.#dropped += spans.length;
      onFault(error);
    }
  }

  /** With a last post. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}

function spanOf({ path, peer, status, milliseconds, traceparent }: CallRecord, now: number): object {
  const [, service = '', method = ''] = path.split('/');
  const [, traceId = randomBytes(16).toString('hex'), parentSpanId] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(traceparent ?? '') ?? [];
  return {
    traceId,
    spanId: randomBytes(8).toString('hex'),
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: `${service}/${method}`,
    kind: serverKind,
    startTimeUnixNano: nanoseconds(now - milliseconds),
    endTimeUnixNano: nanoseconds(now),
    attributes: [
      attribute('rpc.system', 'grpc'),
      attribute('rpc.service', service),
      attribute('rpc.method', method),
      attribute('client.address', peer.address),
      { key: 'rpc.grpc.status_code', value: { intValue: String(statusCodes[status?.code ?? 'ok']) } },
    ],
    status: status === undefined ? { code: okStatus } : { code: errorStatus, message: status.message },
  };
}

function attribute(key: string, value: string): object {
  return { key, value: { stringValue: value } };
}

/** Of milliseconds, in decimal digits: there are too many for a number. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}
