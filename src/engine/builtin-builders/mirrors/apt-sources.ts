import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One archive of packages. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Whose signatures are taken: a file of keys, or the keys themselves. */
  readonly signedBy: string | undefined;
}

/** Of a file in the format of `sources.list`: lines `deb [options] uri suite component...`; others are passed over. */
export function parseSourceLines(text: string): AptSource[] {
  return text.split('\n').flatMap(line => parseSourceLine(line) ?? []);
}

function parseSourceLine(line: string): AptSource | undefined {
  const [, options = '', uri, rest = ''] = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+([^#]*)/.exec(line) ?? [];
  if (uri === undefined) return undefined;
  const [suite, ...components] = rest.split(/\s+/).filter(word => word !== '');
  if (suite === undefined) return undefined;
  const [, signedBy] = /(?:^|\s)signed-by=(\S+)/i.exec(options) ?? [];
  return { uri, suites: [suite], components, signedBy };
}

/** Of a file in the format of deb822(5), as `debian.sources`. */
export function parseSourceStanzas(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const plain = text.replaceAll(/^#.*\n?/gm, '');
  for (const stanza of plain.split(/\n[ \t]*(?:\n|$)+/)) {
    const fields = new Map<string, string>();
    for (const [, name = '', value = ''] of stanza.matchAll(/^([^\s:#][^:\n]*):[ \t]*(.*(?:\n[ \t]+.*)*)/gm)) {
      fields.set(name.toLowerCase(), value);
    }
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter(word => word !== '');
    const isEnabled = !/^(?:no|false|off|without|disable|0)$/i.test(fields.get('enabled')?.trim() ?? 'yes');
    if (!isEnabled || !words('types').includes('deb')) continue;
    const [suites, components, signedBy] = [words('suites'), words('components'), fields.get('signed-by')?.trim()];
    sources.push(...words('uris').map(uri => ({ uri, suites, components, signedBy })));
  }
  return sources;
}

/** All that apt is told of, in its order: the file, then those of the folder by name. What cannot be read is passed over. */
export function readAptSources(file: string, folder: string): AptSource[] {
  const sources = parseSourceLines(readText(file));
  for (const name of readNames(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.list')) sources.push(...parseSourceLines(readText(path)));
    else if (name.endsWith('.sources')) sources.push(...parseSourceStanzas(readText(path)));
  }
  return sources;
}

/** The URIs that a source stands for: `mirror+file:` names a list of them. */
export function expandUri(uri: string): string[] {
  const [, list] = /^mirror\+file:(\/.*)$/.exec(uri) ?? [];
  if (list === undefined) return [uri.replace(/^copy:/, 'file:')];
  const path = list.replace(/^\/\/(?=\/)/, '');
  return readText(path)
    .split('\n')
    .flatMap(line => /^\s*([a-z][a-z0-9+.-]*:\S+)/.exec(line)?.[1] ?? []);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
