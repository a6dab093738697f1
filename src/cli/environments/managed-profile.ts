import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brandAs, byteStringOf, bytesOf } from '../../base/index.ts';
import type { ByteString } from '../../base/index.ts';
import { removeTree, walkTree } from '../../castore/index.ts';
import {
  type ProfileManifest,
  StoreView,
  defaultPriority,
  linkPackages,
  parseProfileManifest,
  profileManifestToJson,
  withElement,
} from '../../engine/index.ts';
import { type StoreDir, type StorePath, formatJson, printStorePath } from '../../nix-compat/index.ts';
import { type Store, addTree, createGeneration, lockProfile, requireFacet, switchLink } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { noArguments } from '../evaluation/evaluation-arguments.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { PackageSource } from './package-source.ts';

/** What a profile consists of: as `nix profile` has written it, or as `nix-env` has; nothing where it is not there. */
export async function readProfile(store: Store, profile: string, context: CommandContext): Promise<ProfileManifest> {
  const place = join(profile, 'manifest.json');
  if (existsSync(place)) return parseProfileManifest(store.storeDir, byteStringOf(readFileSync(place)), place);
  if (!existsSync(join(profile, 'manifest.nix'))) return new Map();
  await using evaluation = new Evaluation(context, { ...noArguments(), isImpure: true }, { store });
  const definitions = () => evaluation.evaluator.core.set([]);
  const source = new PackageSource(evaluation, context, { definitions, systemFilter: '*' });
  const installed = await evaluation.perform(() => source.installed(profile).map(each => each.read()));
  let manifest: ProfileManifest = new Map();
  for (const { outPath } of installed) {
    manifest = withElement(manifest, { storePaths: [outPath], active: true, priority: defaultPriority });
  }
  return manifest;
}

/** Makes an environment of what `manifest` says, and lets the profile lead to it. Throws `PackageConflict`. */
export async function writeProfile(
  store: Store,
  manifest: ProfileManifest,
  { profile, context }: { readonly profile: string; readonly context: CommandContext },
): Promise<void> {
  const path = await addEnvironment(store, manifest, context);
  using _lock = await lockProfile(profile, context.signal);
  const collector = requireFacet(store, 'collector', 'addPermRoot');
  switchLink(profile, await createGeneration(collector, profile, path));
}

async function addEnvironment(store: Store, manifest: ProfileManifest, context: CommandContext): Promise<StorePath> {
  const { environment, log: reporter, signal } = context;
  const { storeDir } = store;
  const folder = mkdtempSync(join(environment.temporaryDir, 'firn-profile-'));
  try {
    const tree = join(folder, 'profile');
    mkdirSync(tree);
    const packages = [...manifest.values()].flatMap(({ active, priority, storePaths }) =>
      active ? storePaths.map(path => ({ path: printed(storeDir, path), active, priority })) : [],
    );
    const { realStoreDir = storeDir } = store;
    linkPackages(tree, packages, { view: new StoreView(storeDir, realStoreDir), reporter, signal });
    const json = brandAs<ByteString>(formatJson(profileManifestToJson(storeDir, manifest)));
    writeFileSync(join(tree, 'manifest.json'), bytesOf(json), { mode: 0o644 });
    const others = new Set([...manifest.values()].flatMap(({ storePaths }) => storePaths));
    const { path } = await addTree(
      store,
      async (sink, drain) => {
        for (const _ of walkTree(tree, sink)) await drain();
      },
      { name: 'profile', method: 'nar', references: { others, self: false }, signal },
    );
    return path;
  } finally {
    removeTree(folder);
  }
}

function printed(storeDir: StoreDir, path: StorePath): ByteString {
  return brandAs<ByteString>(printStorePath(storeDir, path));
}
