import { readFileSync } from 'node:fs';
import {
  type ByteString,
  byteStringFromLatin1,
  displayBytes,
  errnoOf,
  messageOf,
  systemErrorText,
} from '../../base/index.ts';
import { TomlError, type TomlValue, isTable, readToml } from '../../eval/index.ts';
import type { Environment } from '../environment.ts';
import { CliError } from '../error.ts';

/** Longer files are refused, in bytes. */
const maxSize = 1024 * 1024;

/**
 * Where mirrors are, by their names, as `[mirrors]` of the files firn.toml says: URLs in the order in which they are to be
 * tried. What the user's file says of a name wins over the system's. Throws `config/malformed`, naming the file.
 */
export function readMirrors(environment: Environment): ReadonlyMap<string, readonly string[]> {
  const mirrors = new Map<string, readonly string[]>();
  for (const file of environment.firnConfFiles.toReversed()) {
    for (const [name, urls] of mirrorsOf(file)) mirrors.set(name, urls);
  }
  return mirrors;
}

function mirrorsOf(file: string): [name: string, urls: string[]][] {
  const text = readText(file);
  if (text === undefined) return [];
  const refuse = (reason: string) => new CliError('config/malformed', `cannot use '${file}': ${reason}`);
  let table: TomlValue | undefined;
  try {
    table = readToml(text).members.get(byteStringFromLatin1('mirrors'))?.value;
  } catch (error) {
    throw error instanceof TomlError ? refuse(messageOf(error)) : error;
  }
  if (table === undefined) return [];
  if (!isTable(table)) throw refuse("'mirrors' is to be a table");
  return Array.from(table.members, ([name, { value }]) => {
    const shown = displayBytes(name);
    const urls = urlsOf(value);
    if (urls === undefined) throw refuse(`'mirrors.${shown}' is to be a URL or a list of URLs`);
    return [shown, urls];
  });
}

function urlsOf(value: TomlValue): string[] | undefined {
  const items = typeof value === 'object' && value.kind === 'array' ? value.items : [value];
  const urls = items.map(item => (typeof item === 'string' ? displayBytes(item) : ''));
  return urls.every(url => URL.canParse(url)) ? urls : undefined;
}

function readText(file: string): ByteString | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw new CliError('config/malformed', `cannot read '${file}': ${systemErrorText(cause)}`, { cause });
  }
  if (bytes.byteLength <= maxSize) return byteStringFromLatin1(bytes.toString('latin1'));
  throw new CliError('config/malformed', `'${file}' has more than ${maxSize} bytes`);
}
