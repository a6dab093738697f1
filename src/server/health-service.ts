import { create } from '@bufbuild/protobuf';
import { whenAborted } from '../base/index.ts';
import { GrpcStatus, type Route, serverStreaming, unary } from '../grpc/index.ts';
import {
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus,
  HealthListResponseSchema,
  healthMethods,
} from '../proto/index.ts';

/** `grpc.health.v1.Health` of the services whose names are given; the empty name means the server. */
export class HealthService {
  readonly routes: readonly Route[];
  readonly #services: ReadonlySet<string>;
  readonly #stopping = new AbortController();

  constructor(services: readonly string[]) {
    this.#services = new Set(['', ...services]);
    this.routes = [
      unary(healthMethods.check, ({ service }) => {
        if (!this.#services.has(service))
          throw new GrpcStatus('notFound', `no service '${service.slice(0, 200)}' is served`);
        return this.#response();
      }),
      unary(healthMethods.list, () =>
        create(HealthListResponseSchema, {
          statuses: Object.fromEntries([...this.#services].map(name => [name, this.#response()])),
        }),
      ),
      serverStreaming(healthMethods.watch, ({ service }, { signal }) => this.#watch(service, signal)),
    ];
  }

  /** From now on clients are told to go elsewhere. */
  stop(): void {
    this.#stopping.abort();
  }

  #response() {
    const { NOT_SERVING, SERVING } = HealthCheckResponse_ServingStatus;
    return create(HealthCheckResponseSchema, { status: this.#stopping.signal.aborted ? NOT_SERVING : SERVING });
  }

  async *#watch(service: string, signal: AbortSignal) {
    if (!this.#services.has(service)) {
      yield create(HealthCheckResponseSchema, { status: HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN });
      await whenAborted(signal);
      return;
    }
    yield this.#response();
    if (this.#stopping.signal.aborted) return;
    await whenAborted(AbortSignal.any([signal, this.#stopping.signal]));
    if (!signal.aborted) yield this.#response();
  }
}
