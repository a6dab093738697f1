import { type ByteString, brandAs, byteStringFromText, bytesOf, displayBytes, unreachable } from '../../base/index.ts';
import {
  type NarListing,
  NarLister,
  findListed,
  formatJson,
  listingToJson,
  shallowListingToJson,
} from '../../nix-compat/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { pathFromRoot } from '../paths.ts';
import { withOpenFile } from '../read-input.ts';
import { jsonFlags } from './json-flags.ts';
import { readNarFrom } from './read-nar-file.ts';

/** `nix nar ls` */
export function narLs(context: CommandContext): Command {
  let nar = byteStringFromText('');
  let path = byteStringFromText('/');
  let json = false;
  const options = { recursive: false, long: false, directory: false };
  const flags: Flag[] = [
    {
      long: 'recursive',
      short: 'R',
      labels: [],
      summary: 'List what is below, too.',
      apply: () => (options.recursive = true),
    },
    { long: 'long', short: 'l', labels: [], summary: 'Show types and sizes.', apply: () => (options.long = true) },
    {
      long: 'directory',
      short: 'd',
      labels: [],
      summary: 'Show a directory itself, not its entries.',
      apply: () => (options.directory = true),
    },
    { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
    ...jsonFlags(() => {}),
  ];
  return {
    summary: 'Lists what a NAR holds at a path.',
    flags,
    positionals: [
      { label: 'nar', arity: 1, complete: completePath, apply: given => (nar = given) },
      { label: 'path', arity: 1, apply: given => (path = pathFromRoot(given)) },
    ],
    run: async () => {
      const root = await withOpenFile('opening NAR file', nar, listNar);
      if (json && options.directory) {
        throw new CliError('usage/useless-flag', "'--directory' is useless with '--json'");
      }
      const names = path
        .split('/')
        .filter(name => name !== '')
        .map(brandAs<ByteString>);
      const node = findListed(root, names);
      if (node === undefined) {
        throw new CliError('nar/no-such-path', `path '«unknown»${displayBytes(path)}' does not exist`);
      }
      const { out } = context;
      if (json) {
        const value = options.recursive ? listingToJson(node) : shallowListingToJson(node);
        out.write(bytesOf(brandAs<ByteString>(`${formatJson(value)}\n`)));
        return;
      }
      const name = node.type === 'directory' ? '.' : (names.at(-1) ?? '');
      for (const line of listLines(node, name, options)) out.write(bytesOf(brandAs<ByteString>(`${line}\n`)));
    },
  };
}

function listNar(fd: number): NarListing {
  const lister = new NarLister();
  readNarFrom(fd, lister);
  if (lister.listing === undefined) throw new TypeError('a NAR without a root was accepted');
  return lister.listing;
}

interface LineOptions {
  readonly recursive: boolean;
  readonly long: boolean;
  readonly directory: boolean;
}

/** Recursion is bounded by the depth of NARs. Lines are byte strings. */
function* listLines(node: NarListing, path: string, options: LineOptions): Generator<string> {
  if (node.type === 'directory' && !options.directory) yield* entryLines(node, path, options);
  else yield* nodeLines(node, path, options);
}

function* entryLines(node: NarListing, path: string, options: LineOptions): Generator<string> {
  if (node.type !== 'directory') return;
  for (const [name, entry] of node.entries) yield* nodeLines(entry, `${path}/${name}`, options);
}

function* nodeLines(node: NarListing, path: string, options: LineOptions): Generator<string> {
  yield options.long ? longLine(node, path) : path;
  if (options.recursive) yield* entryLines(node, path, options);
}

function longLine(node: NarListing, path: string): string {
  switch (node.type) {
    case 'directory':
      return `dr-xr-xr-x ${padSize(0)} ${path}`;
    case 'symlink':
      return `lrwxrwxrwx ${padSize(0)} ${path} -> ${node.target}`;
    case 'regular':
      return `${node.executable ? '-r-xr-xr-x' : '-r--r--r--'} ${padSize(node.size ?? 0)} ${path}`;
    default:
      return unreachable(node);
  }
}

function padSize(size: number): string {
  return String(size).padStart(20);
}
