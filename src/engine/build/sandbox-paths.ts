import { join } from 'node:path';
import { byteStringFromText, byteStringOf, displayBytes } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivationOptions,
  type StorePath,
  canonicalPath,
  outputPath,
  printStorePath,
  splitStorePath,
} from '../../nix-compat/index.ts';
import { type LocalStore, computeClosure } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import type { BuildSettings } from './build-settings.ts';
import { runHook } from './run-hook.ts';

/** Something of this machine that a sandbox shows. */
export interface SandboxPath {
  readonly source: string;
  readonly optional: boolean;
  readonly writable: boolean;
}

export interface SandboxPathsRequest {
  readonly path: StorePath;
  readonly derivation: BasicDerivation;
  readonly options: DerivationOptions<StorePath>;
  /** The closure of the inputs. */
  readonly inputs: ReadonlySet<StorePath>;
  readonly settings: Pick<BuildSettings, 'sandboxPaths' | 'allowedImpureHostDeps' | 'preBuildHook'>;
  /** The sandbox's root, for the hook. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/**
 * What a builder sees of this machine, by where it does: what settings, derivation and hook ask for, and the inputs. Throws
 * `BuildError` for what is not allowed, and as `runHook`.
 */
export async function gatherSandboxPaths(
  store: LocalStore,
  request: SandboxPathsRequest,
): Promise<Map<string, SandboxPath>> {
  const { settings, derivation } = request;
  const paths = new Map<string, SandboxPath>();
  for (const [target, { source, optional }] of settings.sandboxPaths) {
    const inStore = storePathOf(store, source);
    if (inStore === undefined) paths.set(target, { source, optional, writable: true });
    else paths.set(target, { source: realPlace(store, source), optional, writable: false });
  }
  for (const path of await closureOfSources(store, settings.sandboxPaths.values())) addStorePath(store, paths, path);
  for (const dependency of request.options.impureHostDeps) {
    const target = displayBytes(dependency);
    requireAllowed(store, target, request);
    paths.set(target, { source: target, optional: true, writable: true });
  }
  for (const [target, source] of await runPreBuildHook(store, request)) {
    paths.set(target, { source, optional: false, writable: true });
  }
  for (const path of request.inputs) addStorePath(store, paths, path);
  // A path that is checked or built anew may be one that all builds see.
  for (const [name, output] of derivation.outputs) {
    const known = outputPath(output, name, { name: derivation.name, storeDir: store.storeDir });
    if (known !== undefined) paths.delete(displayBytes(printStorePath(store.storeDir, known)));
  }
  return paths;
}

function addStorePath(store: LocalStore, paths: Map<string, SandboxPath>, path: StorePath): void {
  const target = displayBytes(printStorePath(store.storeDir, path));
  paths.set(target, { source: store.realPath(path), optional: false, writable: false });
}

/** The store path that `place` is or is in, if any. */
function storePathOf({ storeDir }: LocalStore, place: string): StorePath | undefined {
  return place.startsWith(`${storeDir}/`) ? splitStorePath(storeDir, byteStringFromText(place)).storePath : undefined;
}

function realPlace(store: LocalStore, place: string): string {
  return join(store.realStoreDir, place.slice(store.storeDir.length));
}

/** The closure of those sources that are in the store and valid. */
async function closureOfSources(
  store: LocalStore,
  sources: Iterable<{ readonly source: string }>,
): Promise<Iterable<StorePath>> {
  const inStore = Array.from(sources, ({ source }) => storePathOf(store, source)).filter(path => path !== undefined);
  return (await computeClosure(store, await store.validPaths(inStore))).keys();
}

function requireAllowed({ storeDir }: LocalStore, target: string, { path, settings }: SandboxPathsRequest): void {
  const wanted = canonicalPath(target);
  for (const allowed of settings.allowedImpureHostDeps) {
    const prefix = canonicalPath(allowed);
    if (prefix === '/' || wanted === prefix || wanted.startsWith(`${prefix}/`)) return;
  }
  const message = `derivation '${printStorePath(storeDir, path)}' requested impure path '${target}', but it was not in allowed-impure-host-deps`;
  throw new BuildError('InputRejected', message);
}

/** Paths by their places in the sandbox. */
async function runPreBuildHook({ storeDir }: LocalStore, request: SandboxPathsRequest): Promise<Map<string, string>> {
  const program = request.settings.preBuildHook;
  if (program === '') return new Map();
  const chunks: Uint8Array[] = [];
  await runHook({
    program,
    args: [displayBytes(printStorePath(storeDir, request.path)), request.root],
    output: chunk => void chunks.push(Uint8Array.from(chunk)),
    signal: request.signal,
  });
  return parseHookOutput(displayBytes(byteStringOf(Buffer.concat(chunks))));
}

/** Lines `extra-sandbox-paths`, each followed by paths as the setting `sandbox-paths` has them, and an empty line. */
function parseHookOutput(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  let isList = false;
  for (const line of text.split('\n').slice(0, -1)) {
    if (isList && line === '') isList = false;
    else if (isList) {
      const equals = line.indexOf('=');
      paths.set(equals < 0 ? line : line.slice(0, equals), line.slice(equals + 1));
    } else if (line === 'extra-sandbox-paths' || line === 'extra-chroot-dirs') isList = true;
    else throw new BuildError('MiscFailure', `unknown pre-build hook command '${line}'`);
  }
  return paths;
}
