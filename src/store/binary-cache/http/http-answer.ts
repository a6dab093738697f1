import type { ServerAnswer } from './server-answer.ts';

/** Bytes of what a server says of an error that are shown. */
const maxComplaint = 1024;

/** The longest that a server can have the next attempt wait, in milliseconds. */
const maxRetryAfter = 300_000;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where an answer sends the client, if that is a place that it can go to. */
export function redirectTarget({ statusCode = 0, headers }: ServerAnswer, url: URL): URL | undefined {
  if (!redirects.has(statusCode) || headers.location === undefined) return undefined;
  const target = URL.parse(headers.location, url);
  return target?.protocol === 'http:' || target?.protocol === 'https:' ? target : undefined;
}

/** What a server asks to wait, as seconds or as a time of day; in milliseconds. */
export function retryAfterOf({ headers }: ServerAnswer, now: number = Date.now()): number | undefined {
  const value = headers['retry-after']?.trim();
  if (value === undefined) return undefined;
  const wait = /^[0-9]+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), maxRetryAfter);
}

/** What the server says beside a status; undefined where that is nothing, broken off, or too long to be shown. */
export async function readComplaint(body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size >= maxComplaint) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  const text = Buffer.concat(chunks).toString('utf8').trimEnd();
  // Of bytes that are no text, those that a terminal would obey are left out.
  return text === '' ? undefined : text.replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
