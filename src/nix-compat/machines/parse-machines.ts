import { byteStringFromText, messageOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { decodeBase64 } from '../hash/base64.ts';
import { parseStoreReference } from '../store-reference/store-reference.ts';
import type { Machine } from './machine.ts';

export interface ParseMachinesOptions {
  /** Of machines that do not name theirs. */
  readonly systems: ReadonlySet<string>;
  /** Absolute: where relative paths of stores start. */
  readonly workingDirectory: string;
  /** The text of a file, undefined where there is none. */
  readonly readFile: (path: string) => string | undefined;
}

/** Files within files; C++ Nix has no limit and runs out of stack. */
const maxDepth = 64;

/** Longer texts, with all files that they name, are no lists of machines that anybody means. */
const maxLines = 100_000;

/**
 * Parses the setting `builders`: machines, one a line or between semicolons, or `@FILE` for those of a file; `#` starts a
 * comment. Of a machine's columns, separated by blanks, all but the first may be `-` or missing:
 *
 *     ssh://me@host  x86_64-linux,i686-linux  /etc/nix/key  4  2  kvm,big-parallel  benchmark  c3NoLWVkMjU1MTkg…
 *     store          systems                  ssh key       max jobs, speed, features, mandatory features, host's key
 *
 * Throws `machine/malformed`, in C++ Nix's words, `machine/too-many`, and `store-reference/malformed`.
 */
export function parseMachines(text: string, options: ParseMachinesOptions): Machine[] {
  const lines: string[] = [];
  expandLines(text, { ...options, lines }, 0);
  return lines.map(line => parseLine(line, options));
}

interface Expansion extends ParseMachinesOptions {
  readonly lines: string[];
}

function expandLines(text: string, expansion: Expansion, depth: number): void {
  const { lines, readFile } = expansion;
  for (const line of text.split('\n')) {
    for (const entry of line.replace(/#.*$/s, '').split(';')) {
      const trimmed = entry.replace(/^[ \n\r\t]+|[ \n\r\t]+$/g, '');
      if (trimmed === '') continue;
      if (!trimmed.startsWith('@')) {
        lines.push(trimmed);
        if (lines.length > maxLines) throw tooMany('more than 100000 machines');
        continue;
      }
      const path = trimmed.slice(1).trim();
      if (depth >= maxDepth) throw tooMany(`machines files that include each other ('${path}')`);
      expandLines(readFile(path) ?? '', expansion, depth + 1);
    }
  }
}

function tooMany(what: string): NixCompatError {
  return new NixCompatError('machine/too-many', `bad machine specification: ${what}`);
}

function parseLine(line: string, { systems, workingDirectory }: ParseMachinesOptions): Machine {
  const columns = line.split(/[ \t\n\r]+/);
  const column = (at: number): string | undefined => (columns[at] === '-' ? undefined : columns[at]);
  const uri = column(0);
  if (uri === undefined) {
    throw malformed(`bad machine specification: store URL was not found at the first column of a row: '${line}'`);
  }
  const hostKey = column(7);
  if (hostKey !== undefined) requireBase64(hostKey, line);
  const speed = parseFloat32(column(4) ?? '1', line);
  if (speed < 0) throw malformed('speed factor must be >= 0');
  return {
    store: parseStoreReference(byteStringFromText(isBareHost(uri) ? `ssh://${uri}` : uri), { workingDirectory }),
    systems: splitList(column(1)) ?? systems,
    sshKey: column(2) ?? '',
    maxJobs: parseUnsigned(column(3) ?? '1', line),
    speedFactor: speed === 0 ? 1 : speed,
    supportedFeatures: splitList(column(5)) ?? new Set(),
    mandatoryFeatures: splitList(column(6)) ?? new Set(),
    hostKey: hostKey ?? '',
  };
}

/** Once all machines were behind ssh, and named without a scheme. */
function isBareHost(uri: string): boolean {
  if (uri.includes('/')) return false;
  const [base = ''] = uri.split('?', 1);
  const isWord = base === 'auto' || base === 'daemon' || base === 'local' || base === '';
  return !isWord;
}

function splitList(text: string | undefined): Set<string> | undefined {
  return text === undefined ? undefined : new Set(text.split(',').filter(word => word !== ''));
}

const maxUint32 = 2 ** 32 - 1;

function parseUnsigned(text: string, line: string): number {
  const value = /^\+?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (value <= maxUint32) return value;
  throw badColumn(3, 'unsigned int', line);
}

function parseFloat32(text: string, line: string): number {
  const isNumber = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text);
  const value = Math.fround(isNumber ? Number(text) : Number.NaN);
  if (Number.isFinite(value)) return value;
  throw badColumn(4, 'float', line);
}

function badColumn(column: number, type: string, line: string): NixCompatError {
  return malformed(`bad machine specification: failed to convert column #${column} in a row: '${line}' to '${type}'`);
}

function requireBase64(text: string, line: string): void {
  try {
    decodeBase64(text);
  } catch (cause) {
    const message = `${messageOf(cause)}, while parsing machine specification at a column #7 in a row: '${line}'`;
    throw malformed(message, cause);
  }
}

function malformed(message: string, cause?: unknown): NixCompatError {
  return new NixCompatError('machine/malformed', message, cause === undefined ? {} : { cause });
}
