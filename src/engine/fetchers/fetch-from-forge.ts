import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ByteString, byteStringFromText, byteStringOf, bytesOf } from '../../base/index.ts';
import { type FetchedTree, type InputAttributes, evalError, textAttribute } from '../../eval/index.ts';
import { formatHash, hashBytes, parseHash } from '../../nix-compat/index.ts';
import { type DownloadOptions, openDownload } from '../../store/index.ts';
import { fetchArchive } from './fetch-archive.ts';
import type { FetchContext } from './fetch-tree.ts';
import type { Forge, ForgePlace } from './forges.ts';

/** An input, and what messages call it. */
export interface ForgeInput {
  readonly input: InputAttributes;
  readonly shown: string;
}

/** The longest answer about a reference, in bytes. */
const maxAnswerSize = 64 * 1024 * 1024;

/**
 * The tree of a commit of a service that gives out archives of such: of the branch or tag that the input names, else of the
 * repository's own. Tokens of `access-tokens` are sent. Throws `eval/error`, `json/…`, and as `fetchArchive`.
 */
export async function fetchFromForge(
  forge: Forge,
  { input, shown }: ForgeInput,
  context: FetchContext,
): Promise<FetchedTree> {
  const place = placeOf(forge, input);
  const headers = headersFor(forge, place, context);
  const download: DownloadOptions =
    headers === undefined ? context.download : { ...context.download, access: { ...context.download.access, headers } };
  const told: FetchContext = { ...context, download };
  const ref = textAttribute(input, 'ref') ?? 'HEAD';
  const given = textAttribute(input, 'rev');
  const found = given ?? (await forge.findCommit(place, { ref, shown }, url => ask(url, told)));
  const rev = formatHash(parseHash(found, 'sha1'), 'base16');
  const attributes: InputAttributes = new Map(input).set('rev', rev);
  attributes.delete('ref');
  // What a commit is does not change.
  const archive = forge.archiveUrl(place, rev, headers !== undefined);
  return fetchArchive(archive, attributes, { ...told, lifetime: Infinity });
}

/** Where the repository of an input is. */
export function placeOf(forge: Forge, input: InputAttributes): ForgePlace {
  const owner = textAttribute(input, 'owner') ?? '';
  const repo = textAttribute(input, 'repo') ?? '';
  return { host: textAttribute(input, 'host') ?? forge.usualHost, owner, repo };
}

/** What tells the service who asks: the token for the longest part of the repository's address, else the host's. */
function headersFor(
  forge: Forge,
  { host, owner, repo }: ForgePlace,
  { download, warn }: FetchContext,
): Readonly<Record<string, string>> | undefined {
  const address = `${host}/${owner}/${repo}`;
  const matches = [...download.settings.get('access-tokens')].filter(([part]) => `${address}/`.startsWith(`${part}/`));
  const [best] = matches.toSorted(([a], [b]) => b.length - a.length);
  return best === undefined ? undefined : Object.fromEntries([forge.authorize(best[1], warn)]);
}

/** What is at a URL; asked for anew once that is longer ago than `lifetime`. */
async function ask(url: string, { cacheFolder, lifetime, download }: FetchContext): Promise<ByteString> {
  const key = formatHash(hashBytes('sha256', bytesOf(byteStringFromText(url))), 'nix32');
  const file = join(cacheFolder, 'firn-forges-v1', key);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats !== undefined && stats.mtimeMs + lifetime * 1000 > Date.now()) return byteStringOf(readFileSync(file));
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of await openDownload(new URL(url), download)) {
    size += chunk.byteLength;
    if (size > maxAnswerSize) throw evalError`the answer from '${url}' is longer than ${maxAnswerSize} bytes`;
    chunks.push(chunk);
  }
  const answer = Buffer.concat(chunks);
  mkdirSync(dirname(file), { recursive: true });
  const staging = `${file}.${process.pid}`;
  writeFileSync(staging, answer, { mode: 0o600 });
  renameSync(staging, file);
  return byteStringOf(answer);
}
