import { formatDigest } from '../../castore/index.ts';
import { displayBytes, unreachable } from '../../base/index.ts';
import type { Question, QuestionId } from './messages.ts';

/** A question that was asked, and the requests that wait for its answer. */
interface Asked<Request> {
  readonly id: QuestionId;
  readonly key: string;
  readonly question: Question;
  readonly waiting: Map<number, Request>;
  /** When nobody will have heard anything for too long, in milliseconds of `performance.now`. */
  deadline: number;
}

export interface QuestionChannel {
  readonly ask: (id: QuestionId, question: Question) => void;
  readonly withdraw: (id: QuestionId) => void;
}

/**
 * What was asked of the mount's owner and by which requests, each of which the kernel counts: processes that wait, and reads
 * ahead. Equal questions are asked once; one for which nobody waits any more is withdrawn.
 */
export class Questions<Request extends { readonly unique: number }> {
  readonly #channel: QuestionChannel;
  readonly #patience: number;
  readonly #byKey = new Map<string, Asked<Request>>();
  readonly #byId = new Map<QuestionId, Asked<Request>>();
  readonly #byRequest = new Map<number, Asked<Request>>();
  #next = 1;

  /** `patience` in milliseconds. */
  constructor(channel: QuestionChannel, patience: number) {
    this.#channel = channel;
    this.#patience = patience;
  }

  wait(request: Request, question: Question): void {
    const key = keyOf(question);
    let asked = this.#byKey.get(key);
    if (asked === undefined) {
      asked = { id: this.#next++, key, question, waiting: new Map(), deadline: this.#newDeadline() };
      this.#byKey.set(key, asked);
      this.#byId.set(asked.id, asked);
      this.#channel.ask(asked.id, question);
    }
    asked.waiting.set(request.unique, request);
    this.#byRequest.set(request.unique, asked);
  }

  /** The question and who waited, when there is an answer; undefined where it was withdrawn. */
  settle(id: QuestionId): { readonly question: Question; readonly waiting: Iterable<Request> } | undefined {
    const asked = this.#byId.get(id);
    if (asked === undefined) return undefined;
    this.#remove(asked);
    return { question: asked.question, waiting: asked.waiting.values() };
  }

  /** There is a sign of life. */
  prolong(id: QuestionId): void {
    const asked = this.#byId.get(id);
    if (asked !== undefined) asked.deadline = this.#newDeadline();
  }

  /** The request that waits under this number, which waits no longer. */
  interrupt(unique: number): Request | undefined {
    const asked = this.#byRequest.get(unique);
    const request = asked?.waiting.get(unique);
    if (asked === undefined || request === undefined) return undefined;
    asked.waiting.delete(unique);
    this.#byRequest.delete(unique);
    if (asked.waiting.size === 0) {
      this.#remove(asked);
      this.#channel.withdraw(asked.id);
    }
    return request;
  }

  /** Milliseconds to the next deadline, undefined where nobody waits. */
  timeout(now = performance.now()): number | undefined {
    let next: number | undefined;
    for (const { deadline } of this.#byId.values()) next = Math.min(next ?? deadline, deadline);
    return next === undefined ? undefined : Math.max(0, Math.ceil(next - now));
  }

  /** Questions that are over their deadlines, and who waited for them. */
  *expire(now = performance.now()): Generator<{ readonly question: Question; readonly waiting: Iterable<Request> }> {
    for (const asked of this.#byId.values()) {
      if (asked.deadline > now) continue;
      this.#remove(asked);
      this.#channel.withdraw(asked.id);
      yield { question: asked.question, waiting: asked.waiting.values() };
    }
  }

  #newDeadline(): number {
    return performance.now() + this.#patience;
  }

  #remove(asked: Asked<Request>): void {
    this.#byKey.delete(asked.key);
    this.#byId.delete(asked.id);
    for (const unique of asked.waiting.keys()) this.#byRequest.delete(unique);
  }
}

function keyOf(question: Question): string {
  switch (question.kind) {
    case 'blob':
      return `blob ${formatDigest(question.digest)} ${question.isDamaged}`;
    case 'name':
      return `name ${question.view}/${question.name}`;
    case 'listing':
      return `listing ${question.view}`;
    default:
      return unreachable(question);
  }
}

/** For messages. */
export function describeQuestion(question: Question): string {
  switch (question.kind) {
    case 'blob':
      return `the blob ${formatDigest(question.digest)}`;
    case 'name':
      return `'${displayBytes(question.name)}'`;
    case 'listing':
      return 'the listing';
    default:
      return unreachable(question);
  }
}
