import { displayBytes } from '../../base/index.ts';
import { type FlakeSource, type ProfileElement, identifierOf, sortedElements } from '../../engine/index.ts';
import { formatFlakeRef, isLockedInput, parseFlakeRef } from '../../eval/index.ts';
import {
  type OutputsSpec,
  allOutputs,
  compareStorePaths,
  expectArray,
  expectString,
  namedOutputs,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { flakeSourceOf } from '../environments/flake-source.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { readProfile, writeProfile } from '../environments/managed-profile.ts';
import { ProfileMatchers } from '../environments/profile-matchers.ts';
import { type Realised, pathsOf, realiseInstallables } from '../installables/realise-installables.ts';
import type { Installable } from '../installables/installable.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix profile upgrade`: what came from flakes, since of nothing else it is known from where it came. */
export function profileUpgrade(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  const matchers = new ProfileMatchers();
  const source = new SourceArguments(context);
  const { log } = context;
  return {
    summary: 'Upgrades packages that were added from flakes.',
    flags: [...source.flags, profile.flag, ...matchers.flags],
    positionals: matchers.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const manifest = new Map(await readProfile(store, profile.path, context));
      const names = matchers.find(manifest, store.storeDir, context);
      if (names.size === 0) {
        log.warn("No packages to upgrade. Use 'nix profile list' to see the current profile.");
        return;
      }
      let upgradable = 0;
      for (const [name, element] of manifest) {
        if (!names.has(name) || !canBeUpgraded(element)) continue;
        upgradable++;
        const upgraded = await upgrade(store, element, element.source);
        if (upgraded !== undefined) manifest.set(name, upgraded);
      }
      if (upgradable === 0) {
        log.warn('Found some packages but none of them could be upgraded.');
        return;
      }
      await writeProfile(store, sortedElements(manifest), { profile: profile.path, context });
    },
  };

  function canBeUpgraded(element: ProfileElement): element is ProfileElement & { readonly source: FlakeSource } {
    const shown = displayBytes(identifierOf(element));
    if (element.source === undefined) {
      log.warn(`Found package '${shown}', but it was not added from a flake, so it can't be checked for upgrades!`);
      return false;
    }
    if (isLockedInput(parseFlakeRef(displayBytes(element.source.originalUrl)).input)) {
      log.warn(`Found package '${shown}', but it was added from a locked flake reference so it can't be upgraded!`);
      return false;
    }
    return true;
  }

  /** Undefined where the flake is as it was. */
  async function upgrade(
    store: Store,
    element: ProfileElement,
    { originalUrl, url, attrPath, outputs: given }: FlakeSource,
  ): Promise<ProfileElement | undefined> {
    const [attribute, shown] = [displayBytes(attrPath), displayBytes(originalUrl)];
    using _ = log.startActivity({ type: 'unknown', level: 'chatty', text: `checking '${attribute}' for updates` });
    const outputs = outputsFrom(given);
    const reference = parseFlakeRef(shown);
    const what = `${shown}#${attribute}`;
    const installable = await source.resolveAttribute(store, { reference, attributes: [attribute], outputs, what });
    const { origin } = installable;
    if (origin === undefined) return undefined;
    const locked = formatFlakeRef(origin.locked);
    const before = displayBytes(url);
    if (isLockedInput(origin.locked.input) && locked === before) return undefined;
    log.log('info', `upgrading '${attribute}' from flake '${before}' to '${locked}'`);
    const storePaths = (await realise(store, installable)).flatMap(pathsOf);
    return {
      ...element,
      source: flakeSourceOf(origin),
      storePaths: [...new Set(storePaths)].toSorted(compareStorePaths),
    };
  }

  function realise(store: Store, installable: Installable): Promise<Realised[]> {
    return realiseInstallables(store, [installable], { context });
  }
}

function outputsFrom(outputs: FlakeSource['outputs']): OutputsSpec | undefined {
  if (outputs === null) return undefined;
  const names = expectArray(outputs).map(expectString);
  return names[0] === '*' ? allOutputs : namedOutputs(names);
}
