import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

/** An input that is run again by every `npm test`. */
export interface KeptCase {
  readonly target: string;
  /** Why it is kept: what went wrong with it, or what it is refused with. */
  readonly why: string;
  /** `accepted`, the code of the refusal, or undefined where it does not matter. */
  readonly outcome?: string;
  readonly base64: string;
}

const folder = new URL('../vectors/fuzz/', import.meta.url);
const findings = new URL('findings/', folder);

/** What the fuzzer once found, one file each, and of each target what stands for its behaviours. */
export function readKeptCases(): KeptCase[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.json'));
  return names.toSorted().flatMap(name => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as KeptCase[]);
}

/** Returns the file's name. */
export function keepFinding(target: string, input: Uint8Array, why: string): string {
  const name = `${target}-${createHash('sha256').update(input).digest('hex').slice(0, 8)}.json`;
  mkdirSync(findings, { recursive: true });
  const kept: KeptCase = { target, why, base64: Buffer.from(input).toString('base64') };
  writeFileSync(new URL(name, findings), `${JSON.stringify([kept], undefined, 1)}\n`);
  return `test/vectors/fuzz/findings/${name}`;
}

/** Replaces what is kept of `target`'s behaviours. */
export function keepBehaviours(target: string, cases: readonly KeptCase[]): void {
  mkdirSync(folder, { recursive: true });
  const lines = cases.map(kept => JSON.stringify(kept)).join(',\n');
  writeFileSync(new URL(`${target}.json`, folder), `[\n${lines}\n]\n`);
}
