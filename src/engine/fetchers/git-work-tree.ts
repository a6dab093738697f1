import { join } from 'node:path';
import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type FetchedTree,
  type InputAttributes,
  evalError,
  inputFromAttributes,
  inputToUrl,
} from '../../eval/index.ts';
import { withTraceAsync } from '../evaluation/with-trace.ts';
import { dirtyFingerprint } from './dirty-fingerprint.ts';
import { withFolders, withoutExportIgnored } from './export-ignored.ts';
import { fetchCommit } from './fetch-commit.ts';
import type { FetchContext } from './fetch-tree.ts';
import { locateRepository } from './git-location.ts';
import { branchOf, describeCommit, openWorkTree, requireHistory } from './git-queries.ts';
import { type Submodule, submodulesOfWorkTree } from './git-submodules.ts';
import { type GitOptions, askGit, runGit, splitAtZeros } from './run-git.ts';
import { refuseDirty, verifyCommit } from './verify-commit.ts';

/** What is tracked of a work tree, as it is there, with that of submodules if they are asked for. Throws `eval/error`. */
export async function fetchWorkTree(
  folder: string,
  input: InputAttributes,
  context: FetchContext,
): Promise<FetchedTree> {
  const git = await openWorkTree(folder, context.signal);
  const found = await trackedFiles(git, input);
  const submodules = await submodulesOfWorkTree(git);
  const mounted = input.get('submodules') === true ? await fetchSubmodules(git, submodules, context) : noSubmodules;
  const isDirty = found.isDirty || mounted.isDirty;
  const attributes: InputAttributes = new Map(input);
  const head = await askGit(['rev-parse', '--verify', '-q', 'HEAD^{commit}'], git);
  if (!isDirty) await requireHistory(git, folder, input);
  const isShallow = input.get('shallow') === true;
  const options = { isShallow: isShallow || isDirty, context };
  const commit = head === undefined ? undefined : await describeCommit(git, head, options);
  if (!isDirty) {
    const rev = head ?? '0'.repeat(40);
    const ref = await branchOf(git);
    if (ref !== undefined) attributes.set('ref', ref);
    attributes.set('rev', rev);
    if (!isShallow) attributes.set('revCount', commit?.revCount ?? 0n);
    await verifyCommit(git, attributes, context);
  } else {
    context.onDirty(folder);
    if (head !== undefined) {
      attributes.set('dirtyRev', `${head}-dirty`).set('dirtyShortRev', `${head.slice(0, 7)}-dirty`);
    }
    refuseDirty(attributes);
  }
  attributes.set('lastModified', commit?.lastModified ?? 0n);
  // What submodules have is not in it, so there is none where there are such.
  const isKnown = isDirty && submodules.length === 0;
  return {
    path: byteStringFromText(folder),
    entries: withFolders([...found.files, ...mounted.entries]),
    attributes,
    fingerprint: isKnown ? () => fingerprintOf(git, head) : undefined,
  };
}

async function fingerprintOf(git: GitOptions, head: string | undefined): Promise<string> {
  return `${head ?? '0'.repeat(40)};d=${await dirtyFingerprint(git)}`;
}

interface TrackedFiles {
  readonly files: readonly ByteString[];
  /** Whether something differs from the commit. */
  readonly isDirty: boolean;
}

/** What is tracked and there, but for submodules. */
async function trackedFiles(git: GitOptions, input: InputAttributes): Promise<TrackedFiles> {
  const deleted = new Set(splitAtZeros(await runGit(['ls-files', '-d', '-z'], git)));
  // Conflicts have a line for each side.
  const files = new Set<ByteString>();
  for (const line of splitAtZeros(await runGit(['ls-files', '-s', '-z'], git))) {
    const path = brandAs<ByteString>(line.slice(line.indexOf('\t') + 1));
    if (!line.startsWith('160000 ') && !deleted.has(path)) files.add(path);
  }
  const status = await runGit(['status', '--porcelain=v1', '-z', '-uno', '--ignore-submodules=all'], git);
  const exportIgnore = input.get('exportIgnore') === true;
  return {
    files: exportIgnore ? await withoutExportIgnored([...files], git) : [...files],
    isDirty: status.byteLength > 0,
  };
}

interface MountedSubmodules {
  /** By paths from the work tree around them; the submodules themselves are among them. */
  readonly entries: readonly ByteString[];
  readonly isDirty: boolean;
}

const noSubmodules: MountedSubmodules = { entries: [], isDirty: false };

/** The submodules of a work tree as they are in it: they must be checked out. */
async function fetchSubmodules(
  { folder }: GitOptions,
  submodules: readonly Submodule[],
  context: FetchContext,
): Promise<MountedSubmodules> {
  const entries: ByteString[] = [];
  let isDirty = false;
  for (const { path } of submodules) {
    const inner = join(folder, displayBytes(path));
    const input = inputFromAttributes(
      new Map<string, string | boolean>([
        ['type', 'git'],
        ['url', inner],
        ['exportIgnore', false],
        ['submodules', true],
      ]),
    );
    const tree = await withTraceAsync({ text: `while fetching the input '${inputToUrl(input)}'` }, () => {
      const location = locateRepository(input.attributes, context.warn);
      if (location.kind === 'work-tree') return fetchWorkTree(location.folder, input.attributes, context);
      return fetchCommit(location, input.attributes, context);
    });
    if (tree.path !== byteStringFromText(inner))
      throw evalError`Git submodule '${inner}' is no work tree: check it out`;
    isDirty ||= !tree.attributes.has('rev');
    entries.push(path, ...[...(tree.entries ?? [])].map(entry => brandAs<ByteString>(`${path}/${entry}`)));
  }
  return { entries, isDirty };
}
