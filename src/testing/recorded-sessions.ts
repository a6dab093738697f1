import type { ProtocolVersion } from '../nix-compat/index.ts';
import {
  type SessionRequest,
  type SessionRequests,
  parseServeRequests,
  parseWorkerRequests,
} from './session-requests.ts';
import { readVectors } from './vectors.ts';

/** A conversation with C++ Nix's daemon, or its `nix-store --serve`, as test/conformance/record-sessions.ts recorded it. */
export interface RecordedSession {
  /** What the client did; of ours, which of its scripts. */
  readonly name: string;
  readonly protocol: 'worker' | 'serve';
  readonly client: 'C++ Nix' | 'Firn';
  /** The newest that both sides were let know of. */
  readonly version: ProtocolVersion;
  readonly sent: Buffer;
  /** Known where the client is ours. */
  readonly answered: Buffer | undefined;
}

interface SessionVector extends Omit<RecordedSession, 'sent' | 'answered'> {
  readonly sent: string;
  readonly answered?: string;
}

export function readRecordedSessions(protocol: RecordedSession['protocol']): RecordedSession[] {
  return (readVectors('wire/sessions.json') as readonly SessionVector[])
    .filter(vector => vector.protocol === protocol)
    .map(({ name, client, version, sent, answered }) => ({
      name,
      protocol,
      client,
      version,
      sent: Buffer.from(sent, 'base64'),
      answered: answered === undefined ? undefined : Buffer.from(answered, 'base64'),
    }));
}

export function parseRecordedSession({ protocol, sent, version }: RecordedSession): Promise<SessionRequests> {
  return protocol === 'worker' ? parseWorkerRequests(sent, version) : parseServeRequests(sent);
}

/** A request as one of the clients made it, after the greeting of that client. */
export interface SentRequest extends SessionRequest {
  readonly session: RecordedSession;
  /** The greeting and the request alone; `start`, `end` and fields are counted in these. */
  readonly bytes: Buffer;
}

/** Every request of every session, each that differs once; those of a session behind each other. */
export async function readSentRequests(protocol: RecordedSession['protocol']): Promise<SentRequest[]> {
  const found = new Map<string, SentRequest>();
  for (const session of readRecordedSessions(protocol)) {
    const { greeting, requests } = await parseRecordedSession(session);
    const greetingEnd = greeting.at(-1)?.end ?? 0;
    for (const request of requests) {
      const text = session.sent.subarray(request.start, request.end);
      const key = `${session.version} ${text.toString('latin1')}`;
      if (found.has(key)) continue;
      const moved = greetingEnd - request.start;
      found.set(key, {
        ...request,
        session,
        start: greetingEnd,
        end: request.end + moved,
        fields: request.fields.map(({ kind, start, end }) => ({ kind, start: start + moved, end: end + moved })),
        bytes: Buffer.concat([session.sent.subarray(0, greetingEnd), text]),
      });
    }
  }
  return [...found.values()];
}
