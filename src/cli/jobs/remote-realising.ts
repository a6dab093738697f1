import type { RealisedPath } from '../../engine/index.ts';
import type { BuildResult, DerivingPath } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import type { EvaluationRealising } from '../installables/realising.ts';
import type { RealisingCall, RealisingReply } from './job-messages.ts';

type Ask = (request: number, call: RealisingCall) => void;

/** Has the main thread make things valid: it knows how much is built at a time. */
export class RemoteRealising implements EvaluationRealising {
  readonly #ask: Ask;
  readonly #waiting = new Map<number, (reply: RealisingReply) => void>();
  #requests = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** To be called with what the main thread answers. */
  settle(request: number, reply: RealisingReply): void {
    this.#waiting.get(request)?.(reply);
    this.#waiting.delete(request);
  }

  async attempt(wanted: readonly DerivingPath[]): Promise<ReadonlyMap<DerivingPath, BuildResult>> {
    const results = await this.#call({ method: 'attempt', wanted }, 'attempted', reply => reply.results);
    return new Map(
      wanted.flatMap((path, index) => {
        const result = results[index];
        return result === undefined ? [] : [[path, result] as const];
      }),
    );
  }

  async realise(wanted: readonly DerivingPath[]): Promise<readonly RealisedPath[]> {
    const results = await this.#call({ method: 'realise', wanted }, 'realised', reply => reply.results);
    return wanted.flatMap((path, index) => {
      const result = results[index];
      return result === undefined ? [] : [{ path, result }];
    });
  }

  plan(wanted: readonly DerivingPath[]) {
    return this.#call({ method: 'plan', wanted }, 'planned', reply => reply.plan);
  }

  async #call<K extends RealisingReply['kind'], T>(
    call: RealisingCall,
    kind: K,
    read: (reply: Extract<RealisingReply, { readonly kind: K }>) => T,
  ): Promise<T> {
    const request = this.#requests++;
    const { promise, resolve } = Promise.withResolvers<RealisingReply>();
    this.#waiting.set(request, resolve);
    this.#ask(request, call);
    const reply = await promise;
    if (reply.kind === 'failed') throw new CliError('realise/failed', reply.message);
    if (!isOf(reply, kind)) throw new TypeError(`'${call.method}' was answered by '${reply.kind}'`);
    return read(reply);
  }
}

function isOf<K extends RealisingReply['kind']>(
  reply: RealisingReply,
  kind: K,
): reply is Extract<RealisingReply, { readonly kind: K }> {
  return reply.kind === kind;
}

/** Does what a thread asks for. Failures are answers, too. */
export async function answerCall(
  realising: EvaluationRealising,
  { method, wanted }: RealisingCall,
): Promise<RealisingReply> {
  try {
    switch (method) {
      case 'attempt': {
        const results = await realising.attempt(wanted);
        return { kind: 'attempted', results: wanted.map(path => results.get(path)) };
      }
      case 'realise':
        return { kind: 'realised', results: (await realising.realise(wanted)).map(({ result }) => result) };
      case 'plan':
        return { kind: 'planned', plan: await realising.plan(wanted) };
      default:
        throw new TypeError(`no method '${String(method)}'`);
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { kind: 'failed', message: error.message };
  }
}
