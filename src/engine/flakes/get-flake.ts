import { lstatSync } from 'node:fs';
import { type ByteString, type Reporter, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type FlakeRef,
  equalFlakeRefs,
  evalError,
  formatFlakeRef,
  inputFromAttributes,
  untrackedError,
} from '../../eval/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { Flake } from './flake.ts';
import type { InputPath } from './input-path.ts';
import { type InputSources, type InputTrees, type MountedInput, shownFolder } from './input-trees.ts';
import { readFlake } from './read-flake.ts';
import type { RegistryUse } from './registries.ts';

/** What reading flakes takes. */
export interface FlakeReading {
  readonly sources: InputSources;
  readonly trees: InputTrees;
  readonly reporter: Reporter;
}

/** A flake that is fetched and read, with where that is an input of the one that is locked. Throws `eval/…`. */
export async function getFlake(
  { sources, trees, reporter }: FlakeReading,
  original: FlakeRef,
  { use, inputPath = [] }: { readonly use: RegistryUse; readonly inputPath?: InputPath },
): Promise<Flake> {
  const { evaluator } = sources;
  const read = (mounted: MountedInput): Flake => {
    const { resolved, locked } = mounted;
    const path = flakeFile(displayBytes(printStorePath(evaluator.io.storeDir, mounted.path)), resolved.folder);
    requireTracked(mounted, resolved.folder);
    const root = shownFolder(mounted);
    const shown = displayBytes(root === undefined ? path : flakeFile(root, resolved.folder));
    const treeFingerprint = mounted.source?.fingerprint;
    return readFlake(evaluator, { original, resolved, locked, path, shown, treeFingerprint, inputPath });
  };
  const mounted = await trees.mount(original, use);
  const flake = read(mounted);
  const wanted = withSelfAttributes(flake);
  if (equalFlakeRefs(wanted, flake.locked)) return flake;
  reporter.log('debug', () => `refetching input '${formatFlakeRef(wanted)}' due to self attribute`);
  // The hash is the other tree's, and what is said of that is not all there is to know.
  const attributes = new Map(wanted.input.attributes);
  for (const name of ['narHash', '__final']) attributes.delete(name);
  const again = await trees.mount({ ...wanted, input: inputFromAttributes(attributes) }, 'none');
  return read({ ...again, resolved: flake.resolved });
}

/** `flake.nix` in a folder of a tree. */
export function flakeFile(root: string, folder: string): ByteString {
  const parts = `${root}/${folder}/flake.nix`.split('/').filter((part, index) => index === 0 || part !== '');
  return byteStringFromText(parts.join('/'));
}

const selfAttributes: ReadonlySet<string> = new Set(['lfs', 'submodules']);

/** What is to be fetched where a flake says how itself is to be. */
function withSelfAttributes({ locked, selfAttributes: wanted }: Flake): FlakeRef {
  const attributes = new Map(locked.input.attributes);
  for (const [name, value] of wanted) {
    if (!selfAttributes.has(name)) throw evalError`flake 'self' attribute '${name}' is not supported`;
    attributes.set(name, value);
  }
  return { input: inputFromAttributes(attributes), folder: locked.folder };
}

/** Says of a work tree that it has the file, but git does not know it. */
function requireTracked({ source }: MountedInput, folder: string): void {
  if (source?.entries === undefined) return;
  const file = displayBytes(flakeFile('', folder)).slice(1);
  if (source.entries.has(byteStringFromText(file))) return;
  throw untrackedError(displayBytes(source.path), file, isThere);
}

/** Symlinks are there, wherever they lead. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
