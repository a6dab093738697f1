import type { CallRecord } from '../grpc/index.ts';

/** Bounds of the histogram of how long calls take, in seconds. */
const bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

interface MethodCounts {
  readonly codes: Map<string, number>;
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** What is measured at the moment it is asked for. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: () => number;
}

/** Figures of a server, in Prometheus' text format (version 0.0.4). */
export class ServerMetrics {
  readonly #methods = new Map<string, MethodCounts>();
  readonly #gauges: Gauge[] = [];
  readonly #known: ReadonlySet<string>;

  /** `paths` of the methods there are: what clients make up is counted as one. */
  constructor(paths: readonly string[]) {
    this.#known = new Set(paths);
  }

  gauge(gauge: Gauge): void {
    this.#gauges.push(gauge);
  }

  record({ path, status, milliseconds }: CallRecord): void {
    const name = this.#known.has(path) ? path : 'other';
    let counts = this.#methods.get(name);
    if (counts === undefined) {
      counts = { codes: new Map(), buckets: bounds.map(() => 0), sum: 0, count: 0 };
      this.#methods.set(name, counts);
    }
    const code = status?.code ?? 'ok';
    counts.codes.set(code, (counts.codes.get(code) ?? 0) + 1);
    const seconds = milliseconds / 1000;
    const bucket = bounds.findIndex(bound => seconds <= bound);
    if (bucket >= 0) counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
    counts.sum += seconds;
    counts.count++;
  }

  format(): string {
    const lines = ['# HELP firn_grpc_calls_total Calls that have ended.', '# TYPE firn_grpc_calls_total counter'];
    for (const [method, { codes }] of this.#methods) {
      for (const [code, count] of codes)
        lines.push(`firn_grpc_calls_total{method="${method}",code="${code}"} ${count}`);
    }
    lines.push('# HELP firn_grpc_call_seconds How long calls took.', '# TYPE firn_grpc_call_seconds histogram');
    for (const [method, { buckets, sum, count }] of this.#methods) {
      let total = 0;
      for (const [i, bound] of bounds.entries()) {
        total += buckets[i] ?? 0;
        lines.push(`firn_grpc_call_seconds_bucket{method="${method}",le="${bound}"} ${total}`);
      }
      lines.push(`firn_grpc_call_seconds_bucket{method="${method}",le="+Inf"} ${count}`);
      lines.push(`firn_grpc_call_seconds_sum{method="${method}"} ${sum}`);
      lines.push(`firn_grpc_call_seconds_count{method="${method}"} ${count}`);
    }
    for (const { name, help, value } of this.#gauges) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value()}`);
    }
    return `${lines.join('\n')}\n`;
  }
}
