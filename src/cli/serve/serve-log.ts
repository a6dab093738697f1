import { writeFully } from '../render/write-fully.ts';

const stderr = 2;

/** What a line of the log may say beside its time and event. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The log of a server: a line of JSON for each event, on standard error. */
export class ServeLog {
  write(event: string, fields: LogFields = {}): void {
    const line = `${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`;
    try {
      writeFully(stderr, Buffer.from(line));
    } catch {
      // Nobody reads it; the server goes on.
    }
  }
}
