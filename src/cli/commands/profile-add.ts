import { type ByteString, displayBytes } from '../../base/index.ts';
import {
  PackageConflict,
  type ProfileElement,
  type ProfileManifest,
  defaultPriority,
  hasElement,
  identifierOf,
  nameOf,
  withElement,
} from '../../engine/index.ts';
import { type StoreDir, compareStorePaths, printStorePath } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { flakeSourceOf } from '../environments/flake-source.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { readProfile, writeProfile } from '../environments/managed-profile.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { pathsOf, realiseInstallables } from '../installables/realise-installables.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix profile add` */
export function profileAdd(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  const profile = new ManagedProfileFlag(context);
  let priority: number | undefined;
  return {
    summary: 'Adds packages to a profile.',
    flags: [
      ...wanted.flags,
      profile.flag,
      {
        long: 'priority',
        labels: ['priority'],
        summary: 'Let the smaller priority win where packages have the same file; 5 unless given.',
        apply: text => (priority = parsePriority(text)),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const { path } = profile;
      let manifest = await readProfile(store, path, context);
      const texts = wanted.readTexts();
      for (const named of texts.length === 0 ? [[]] : texts.map(text => [text])) {
        const installables = await wanted.resolve(store, named);
        const realised = await realiseInstallables(store, installables, { context });
        const storePaths = [...new Set(realised.flatMap(pathsOf))].toSorted(compareStorePaths);
        const origin = installables[0]?.origin;
        const element: ProfileElement = {
          storePaths,
          active: true,
          priority: priority ?? origin?.priority ?? defaultPriority,
          source: origin === undefined ? undefined : flakeSourceOf(origin),
        };
        if (hasElement(manifest, element)) context.log.warn(`'${displayBytes(nameOf(element))}' is already added`);
        else manifest = withElement(manifest, element);
      }
      try {
        await writeProfile(store, manifest, { profile: path, context });
      } catch (error) {
        throw error instanceof PackageConflict ? explainConflict(error, manifest, store.storeDir) : error;
      }
    },
  };
}

function parsePriority(text: ByteString): number {
  if (/^-?[0-9]+$/.test(text)) return Number(text);
  throw new CliError('usage/bad-value', `'${displayBytes(text)}' is not an integer`);
}

/** Which of the packages have the file, and what can be done. */
function explainConflict(conflict: PackageConflict, manifest: ProfileManifest, storeDir: StoreDir): Error {
  const entries = [...manifest];
  const first = findOwner(entries, conflict, storeDir);
  const last = findOwner(entries.toReversed(), conflict, storeDir);
  if (first === undefined || last === undefined) return conflict;
  const { priority } = conflict;
  const paths = last.element.storePaths.map(path => displayBytes(printStorePath(storeDir, path)));
  const added = last.element.source === undefined ? paths.join(' ') : displayBytes(identifierOf(last.element));
  const message = `An existing package already provides the following file:

  "${displayBytes(first.file)}"

This is the conflicting file from the new package:

  "${displayBytes(last.file)}"

To remove the existing package:

  nix profile remove ${displayBytes(first.name)}

The new package can also be added next to the existing one by assigning a different priority.
The conflicting packages have a priority of ${priority}.
To prioritise the new package:

  nix profile add ${added} --priority ${priority - 1}

To prioritise the existing package:

  nix profile add ${added} --priority ${priority + 1}`;
  return new CliError('profile/conflict', message, { cause: conflict });
}

function findOwner(
  entries: readonly (readonly [ByteString, ProfileElement])[],
  { files }: PackageConflict,
  storeDir: StoreDir,
) {
  for (const [name, element] of entries) {
    for (const path of element.storePaths) {
      const file = files.find(each => each.startsWith(printStorePath(storeDir, path)));
      if (file !== undefined) return { name, element, file };
    }
  }
  return undefined;
}
