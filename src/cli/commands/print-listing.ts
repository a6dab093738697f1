import { type ByteString, brandAs, unreachable } from '../../base/index.ts';
import { type NarListing, formatJson, listingToJson, shallowListingToJson } from '../../nix-compat/index.ts';
import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';
import type { StandardOutput } from '../render/standard-output.ts';
import { jsonFlags } from './json-flags.ts';

/** How `nix nar ls` and `nix store ls` show trees. */
export interface ListingOptions {
  recursive: boolean;
  long: boolean;
  directory: boolean;
  json: boolean;
}

export function newListingOptions(): ListingOptions {
  return { recursive: false, long: false, directory: false, json: false };
}

export function listingFlags(options: ListingOptions): Flag[] {
  return [
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
    { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (options.json = true) },
    ...jsonFlags(() => {}),
  ];
}

/** Throws `usage/useless-flag`. */
export function checkListingOptions({ json, directory }: ListingOptions): void {
  if (json && directory) throw new CliError('usage/useless-flag', "'--directory' is useless with '--json'");
}

/** `name` is what is shown for a node that is no directory. */
export function printListing(
  node: NarListing,
  name: string,
  { out, options }: { readonly out: StandardOutput; readonly options: ListingOptions },
): void {
  if (options.json) {
    const value = options.recursive ? listingToJson(node) : shallowListingToJson(node);
    out.byteLine(brandAs<ByteString>(formatJson(value)));
    return;
  }
  const shown = node.type === 'directory' ? '.' : name;
  for (const line of listLines(node, shown, options)) out.byteLine(brandAs<ByteString>(line));
}

/** Recursion is bounded by the depth of NARs. Lines are byte strings. */
function* listLines(node: NarListing, path: string, options: ListingOptions): Generator<string> {
  if (node.type === 'directory' && !options.directory) yield* entryLines(node, path, options);
  else yield* nodeLines(node, path, options);
}

function* entryLines(node: NarListing, path: string, options: ListingOptions): Generator<string> {
  if (node.type !== 'directory') return;
  for (const [name, entry] of node.entries) yield* nodeLines(entry, `${path}/${name}`, options);
}

function* nodeLines(node: NarListing, path: string, options: ListingOptions): Generator<string> {
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
