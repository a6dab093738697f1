import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Requester } from '../access.ts';

/** One request over HTTP, and its answer. */
export interface HttpExchange {
  readonly method: string;
  /** Begins with a slash; without what follows a question mark. */
  readonly path: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requester: Requester;
}

/** Something that is served over HTTP beside what every server has. */
export interface HttpSite {
  /** False where the request is for nothing of it. Throws `GrpcStatus`, as services do. */
  answer(exchange: HttpExchange): Promise<boolean>;
}
