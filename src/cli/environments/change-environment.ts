import { type ByteString, byteStringFromText, displayBytes, unreachable } from '../../base/index.ts';
import { type ChosenPackage, PackageSelector, comparePriorities, metaBool, versionOf } from '../../engine/index.ts';
import { compareVersions, plainString } from '../../eval/index.ts';
import { parsePackageName } from '../../nix-compat/index.ts';
import { type Store, createGeneration, requireFacet, switchLink } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openRealising } from '../installables/realising.ts';
import { addTrace } from '../render/trace.ts';
import type { EvaluatedPackage, PackageCandidate } from './evaluated-package.ts';
import { findPrebuilt } from './find-prebuilt.ts';
import { type PackageSource, type SourceKind, isMeant } from './package-source.ts';
import { profileToken, toDerivingPaths, writeEnvironment } from './write-environment.ts';

/** What all changes of a profile need to know. */
export interface ProfileChange {
  readonly store: Store;
  readonly source: PackageSource;
  readonly profile: string;
  readonly dryRun: boolean;
  readonly context: CommandContext;
}

export interface InstallOptions {
  readonly kind: SourceKind;
  readonly preserveInstalled: boolean;
  readonly removeAll: boolean;
  readonly forceName: ByteString | undefined;
  /** Whether only what need not be built is installed. */
  readonly prebuiltOnly: boolean;
  readonly priority: number | undefined;
}

/** `nix-env --install` */
export async function installPackages(
  change: ProfileChange,
  args: readonly ByteString[],
  options: InstallOptions,
): Promise<void> {
  const { source, store, context } = change;
  const candidates = await source.query(store, options.kind, args, { newestOnly: true });
  const wanted = options.prebuiltOnly ? await prebuilt(change, candidates) : candidates;
  const read = await source.evaluation.perform(() => wanted.map(each => each.read()));
  await source.evaluation.commit();
  const elements = read.map(element => adorn(element, options));
  const names = new Set(elements.map(({ name }) => parsePackageName(name).name));
  await rewrite(change, {
    target: installed => {
      const kept: ChosenPackage[] = [];
      if (options.removeAll) return elements;
      for (const each of installed) {
        const isReplaced = !options.preserveInstalled && names.has(parsePackageName(each.name).name);
        if (isReplaced && !metaBool(each.meta, 'keep'))
          context.log.log('info', `replacing old '${displayBytes(each.name)}'`);
        else kept.push(each);
      }
      for (const { name } of elements) context.log.log('info', `installing '${displayBytes(name)}'`);
      return [...elements, ...kept];
    },
    told: elements,
  });
}

function adorn(element: ChosenPackage, { forceName, priority }: InstallOptions): ChosenPackage {
  const named = forceName === undefined ? element : { ...element, name: forceName };
  return priority === undefined ? named : withMeta(named, 'priority', byteStringFromText(String(priority)));
}

function withMeta(element: ChosenPackage, name: string, value: ByteString): ChosenPackage {
  return { ...element, meta: new Map([...element.meta, [byteStringFromText(name), plainString(value)]]) };
}

export type UpgradeRule = 'lt' | 'leq' | 'eq' | 'always';

/** `nix-env --upgrade` */
export async function upgradePackages(
  change: ProfileChange,
  args: readonly ByteString[],
  options: { readonly kind: SourceKind; readonly rule: UpgradeRule; readonly prebuiltOnly: boolean },
): Promise<void> {
  const { source, store, context } = change;
  const candidates = await source.query(store, options.kind, args, { newestOnly: false });
  const available = options.prebuiltOnly ? await prebuilt(change, candidates) : candidates;
  await rewriteEvaluated(change, installed =>
    installed.map(each => {
      const element = each.read();
      if (metaBool(element.meta, 'keep')) return element;
      try {
        const best = findUpgrade(each, available, options.rule)?.read();
        if (best === undefined || best.outPath === element.outPath) return element;
        const isUpgrade = compareVersions(versionOf(element), versionOf(best)) <= 0;
        const [from, to] = [displayBytes(element.name), displayBytes(best.name)];
        context.log.log('info', `${isUpgrade ? 'upgrading' : 'downgrading'} '${from}' to '${to}'`);
        return best;
      } catch (error) {
        if (error instanceof Error) {
          addTrace(error, `while trying to find an upgrade for '${displayBytes(element.name)}'`);
        }
        throw error;
      }
    }),
  );
}

/** Of those of the same name whose version fits, the one of the highest priority, then of the highest version. */
function findUpgrade(
  installed: PackageCandidate,
  available: readonly PackageCandidate[],
  rule: UpgradeRule,
): PackageCandidate | undefined {
  const { name } = parsePackageName(installed.name);
  let best: PackageCandidate | undefined;
  for (const each of available) {
    if (parsePackageName(each.name).name !== name || comparePriorities(installed, each) > 0) continue;
    if (!fits(compareVersions(versionOf(installed), versionOf(each)), rule)) continue;
    const order =
      best === undefined ? -1 : comparePriorities(best, each) || compareVersions(versionOf(best), versionOf(each));
    if (order < 0) best = each;
  }
  return best;
}

function fits(comparison: number, rule: UpgradeRule): boolean {
  switch (rule) {
    case 'lt':
      return comparison < 0;
    case 'leq':
      return comparison <= 0;
    case 'eq':
      return comparison === 0;
    case 'always':
      return true;
    default:
      return unreachable(rule);
  }
}

/** `nix-env --uninstall` */
export async function uninstallPackages(change: ProfileChange, selectors: readonly ByteString[]): Promise<void> {
  const { store, context } = change;
  await rewrite(change, {
    target: installed => {
      let left = [...installed];
      for (const text of selectors) {
        const path = text.includes('/') ? followLinksToStorePath(store, text) : undefined;
        const selector = path === undefined ? [new PackageSelector(text)] : [];
        const isRemoved = (each: ChosenPackage) =>
          path === undefined ? isMeant(selector, each) : each.outPath === path;
        const parts = partition(left, each => !isRemoved(each));
        if (parts.others.length === 0) {
          context.log.warn(`selector '${displayBytes(text)}' matched no installed derivations`);
        }
        for (const { name } of parts.others) context.log.log('info', `uninstalling '${displayBytes(name)}'`);
        left = parts.accepted;
      }
      return left;
    },
  });
}

/**
 * Those that are accepted, and the others. The order is that of C++'s `std::partition`, which exchanges elements from both
 * ends: it is seen in manifests, and so in store paths.
 */
function partition<T>(
  items: readonly T[],
  accepts: (item: T) => boolean,
): { readonly accepted: T[]; readonly others: T[] } {
  const all = [...items];
  let first = 0;
  for (let last = all.length; ; first++) {
    while (first < last && accepts(itemAt(all, first))) first++;
    do last--;
    while (first < last && !accepts(itemAt(all, last)));
    if (first >= last) return { accepted: all.slice(0, first), others: all.slice(first) };
    [all[first], all[last]] = [itemAt(all, last), itemAt(all, first)];
  }
}

function itemAt<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}

/** `nix-env --set-flag` */
export async function setFlag(
  change: ProfileChange,
  [name, value]: readonly [ByteString, ByteString],
  texts: readonly ByteString[],
): Promise<void> {
  const selectors = texts.map(text => new PackageSelector(text));
  await rewrite(change, {
    target: installed => {
      const used = new Set<PackageSelector>();
      const changed = installed.map(each => {
        const selector = selectors.find(one => isMeant([one], each));
        if (selector === undefined) return each;
        used.add(selector);
        change.context.log.log('info', `setting flag on '${displayBytes(each.name)}'`);
        return { ...each, meta: new Map([...each.meta, [name, plainString(value)]]) };
      });
      const unused = selectors.find(selector => !used.has(selector) && !selector.isWild);
      if (unused === undefined) return changed;
      const message = `selector '${displayBytes(unused.text)}' matches no derivations`;
      throw new CliError('profile/no-match', message);
    },
  });
}

/** `nix-env --set`: the profile becomes one package, without an environment around it. */
export async function setPackage(change: ProfileChange, args: readonly ByteString[], kind: SourceKind): Promise<void> {
  const { source, store, context, profile, dryRun } = change;
  const candidates = await source.query(store, kind, args, { newestOnly: true });
  const [only] = candidates;
  if (only === undefined || candidates.length > 1) {
    throw new CliError('profile/not-one-package', '--set requires exactly one derivation');
  }
  const element = await source.evaluation.perform(() => only.read());
  await source.evaluation.commit();
  await using realising = await openRealising(store, context);
  const wanted = toDerivingPaths(element);
  await realising.tell(wanted);
  if (dryRun) return;
  await realising.realise(wanted, { failureStatus: 'telling' });
  context.log.log('debug', 'switching to new user environment');
  const collector = requireFacet(store, 'collector', 'addPermRoot');
  switchLink(profile, await createGeneration(collector, profile, element.outPath));
}

interface Rewrite {
  /** What the environment is to consist of, given what it consists of now. */
  readonly target: (installed: readonly ChosenPackage[]) => readonly ChosenPackage[];
  /** Of these it is told what has to be built or fetched; of nothing unless given. */
  readonly told?: readonly ChosenPackage[];
}

async function rewrite(change: ProfileChange, { target, told }: Rewrite): Promise<void> {
  await rewriteProfile(change, async installed => {
    const elements = await change.source.evaluation.perform(() => installed.map(each => each.read()));
    return { elements: target(elements), told };
  });
}

/** As `rewrite`, where what is installed is compared with what is offered: within `perform`. */
async function rewriteEvaluated(
  change: ProfileChange,
  target: (installed: readonly EvaluatedPackage[]) => readonly ChosenPackage[],
): Promise<void> {
  await rewriteProfile(change, async installed => {
    const elements = await change.source.evaluation.perform(() => target(installed));
    return { elements, told: elements };
  });
}

/** Again and again, until nobody else changes the profile at the same time. */
async function rewriteProfile(
  change: ProfileChange,
  target: (installed: readonly EvaluatedPackage[]) => Promise<{
    readonly elements: readonly ChosenPackage[];
    readonly told: readonly ChosenPackage[] | undefined;
  }>,
): Promise<void> {
  const { store, source, profile, dryRun, context } = change;
  for (;;) {
    const token = profileToken(profile);
    const installed = await source.evaluation.perform(() => source.installed(profile));
    const { elements, told } = await target(installed);
    await source.evaluation.commit();
    await using realising = await openRealising(store, context);
    if (told !== undefined) await realising.tell(told.flatMap(toDerivingPaths));
    if (dryRun) return;
    if (await writeEnvironment(store, elements, { profile, token, source, context, realising })) return;
  }
}

/** Those that are valid or can be fetched. */
async function prebuilt(
  { store, source, context }: ProfileChange,
  candidates: readonly PackageCandidate[],
): Promise<PackageCandidate[]> {
  const elements = await source.evaluation.perform(() => candidates.map(each => each.read()));
  const there = await findPrebuilt(
    store,
    elements.map(({ outPath }) => outPath),
    context,
  );
  return candidates.filter((_, at) => {
    const path = elements[at]?.outPath;
    return path !== undefined && (there.valid.has(path) || there.substitutable.has(path));
  });
}
