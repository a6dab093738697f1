import { lstatSync, mkdirSync, readlinkSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { realFileSystem } from '../../castore/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { type Store, StoreError, replaceLink } from '../../store/index.ts';
import { definitionsFolder } from '../channel-places.ts';
import type { CommandContext } from '../command.ts';
import { noArguments } from '../evaluation/evaluation-arguments.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { parseText } from '../evaluation/source-expression.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { prefetchFile } from '../prefetch-file.ts';
import { installPackages } from './change-environment.ts';
import { baseNameOf, readChannels } from './channel-list.ts';
import { PackageSource } from './package-source.ts';

/** What becomes of an archive: one package of the profile that channels are. */
const unpackChannel = byteStringFromText(
  '{ name, channelName, src }: derivation { builder = "builtin:unpack-channel"; system = "builtin"; inherit name channelName src; preferLocalBuild = true; }',
);

/** Fetches the channels that `names` say, or all, and lets `profile` lead to them and to those that stay as they are. */
export async function updateChannels(
  names: ReadonlySet<string>,
  profile: string,
  context: CommandContext,
): Promise<void> {
  const { log, resources } = context;
  const evaluation = resources.use(new Evaluation(context, noArguments()));
  const store = await evaluation.store();
  const expressions: string[] = [];
  for (const [name, url] of [...readChannels(context)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    // A version in the URL becomes part of the name, to be seen in lists.
    const [version = ''] = /-[0-9].*$/.exec(baseNameOf(url)) ?? [];
    const title = `${name}${version}`;
    const isKept = names.size > 0 && !names.has(name);
    expressions.push(
      isKept
        ? keptChannel(title, readlinkSync(join(profile, name)), store)
        : fetchedChannel(title, name, printed(store, await fetchChannel(store, url, context))),
    );
  }
  log.log('error', `unpacking ${expressions.length} channels...`);
  const definitions = () => evaluation.evaluator.evaluate(parseText(evaluation, unpackChannel));
  const source = new PackageSource(evaluation, context, { definitions, systemFilter: '*' });
  await installPackages({ store, source, profile, dryRun: false, context }, expressions.map(byteStringFromText), {
    kind: { kind: 'expressions' },
    preserveInstalled: false,
    removeAll: true,
    forceName: undefined,
    prebuiltOnly: false,
    priority: undefined,
  });
  showChannels(profile, context);
}

function printed(store: Store, path: StorePath): string {
  return displayBytes(printStorePath(store.storeDir, path));
}

/** A channel that is not fetched anew: `link` is that of the profile to its contents. */
function keptChannel(title: string, link: string, store: Store): string {
  const path = printed(store, followLinksToStorePath(store, byteStringFromText(dirname(link))));
  return `f: rec { name = "${title}"; type = "derivation"; outputs = ["out"]; system = "builtin"; outPath = builtins.storePath "${path}"; out = { inherit outPath; };}`;
}

function fetchedChannel(title: string, name: string, archive: string): string {
  return `f: f { name = "${title}"; channelName = "${name}"; src = builtins.storePath "${archive}"; }`;
}

/** The archive at the URL, or what a channel's folder there has for one. */
async function fetchChannel(store: Store, url: string, context: CommandContext): Promise<StorePath> {
  const fetch = async (from: string): Promise<StorePath> => {
    const options = { name: baseNameOf(from), algorithm: 'sha256', expected: undefined } as const;
    return (await prefetchFile(store, from, { ...options, executable: false, unpack: false, context })).path;
  };
  if (/\.tar\.(?:gz|bz2|xz)$/.test(url)) return fetch(url);
  try {
    return await fetch(`${url}/nixexprs.tar.xz`);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return fetch(`${url}/nixexprs.tar.bz2`);
  }
}

/** Has nix-env find them. */
function showChannels(profile: string, context: CommandContext): void {
  const folder = definitionsFolder(context);
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true) unlinkSync(folder);
  mkdirSync(folder, { recursive: true });
  replaceLink(realFileSystem, join(folder, 'channels'), profile);
}
