import { join } from 'node:path';
import { displayBytes, magenta, normal } from '../../base/index.ts';
import { checkoutTree } from '../../castore/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { Place, UserIds } from '../../exec/index.ts';
import { BuildError, EngineError } from '../error.ts';
import type { BuildContext, BuildRequest } from './build-context.ts';
import { BuildFolder } from './build-folder.ts';
import { builderPersonality } from './builder-personality.ts';
import { type BuildUser, BuildUsers, idsOfSlot } from './build-users.ts';
import { type BuilderPlace, choosePlace, needsManyIds } from './choose-place.ts';
import { ControlGroup, type ControlGroupUsage } from './control-group.ts';
import { externalBuildDir } from './external-builder.ts';
import { makeSandbox } from './make-sandbox.ts';
import { gatherSandboxPaths } from './sandbox-paths.ts';
import type { SandboxRoot } from './sandbox-root.ts';

/** Where one build takes place: a user, a folder and, for a sandbox, what it has on disk. All that goes at disposal. */
export class BuildSite implements AsyncDisposable {
  readonly kind: BuilderPlace;
  readonly folder: BuildFolder;
  readonly #context: BuildContext;
  readonly #request: BuildRequest;
  readonly #root: SandboxRoot | undefined;
  readonly #user: BuildUser | undefined;
  readonly #group: ControlGroup | undefined;
  readonly #resources: AsyncDisposableStack;

  private constructor(context: BuildContext, request: BuildRequest, parts: SiteParts) {
    this.#context = context;
    this.#request = request;
    this.kind = parts.kind;
    this.folder = parts.folder;
    this.#root = parts.root;
    this.#user = parts.user;
    this.#group = parts.group;
    this.#resources = parts.resources;
  }

  /** Throws as `choosePlace`, `BuildUsers` and `BuildFolder`, the system's errors, and the signal's reason. */
  static async open(context: BuildContext, request: BuildRequest): Promise<BuildSite> {
    const { store, settings } = context;
    const { job, options } = request;
    await using resources = new AsyncDisposableStack();
    const kind = await choosePlace(context, job, options);
    const user = kind === 'here' ? undefined : await acquireUser(context, request);
    if (user !== undefined) resources.use(user);
    const folder = new BuildFolder({
      parent: settings.buildDir ?? join(store.dataFolder, 'builds'),
      nested: kind === 'sandbox' || kind === 'external',
      owner: user?.ids,
    });
    resources.use(folder);
    const root = kind === 'sandbox' ? request.sandboxRoots.open(job.path, user?.ids) : undefined;
    if (root !== undefined) resources.use(root);
    const isWide = kind === 'sandbox' && needsManyIds(options);
    if (isWide) requireManyIds(context, user);
    const needsGroup = kind === 'sandbox' && (isWide || settings.usesControlGroups);
    const group = needsGroup ? await makeControlGroup(context, user?.ids) : undefined;
    if (group !== undefined) resources.use(group);
    return new BuildSite(context, request, { kind, folder, root, user, group, resources: resources.move() });
  }

  /** Whom the builder runs as, if not as we do. */
  get user(): UserIds | undefined {
    return this.#user?.ids;
  }

  /** How many ids, from the user's on, its files may belong to. */
  get idCount(): number {
    return needsManyIds(this.#request.options) ? idsOfSlot : 1;
  }

  /** What the builder took, with all that it started, where that is counted. */
  get usage(): ControlGroupUsage | undefined {
    return this.#group?.usage;
  }

  /** Where the builder sees its folder. */
  get folderInside(): string {
    if (this.kind === 'external') return externalBuildDir;
    return this.kind === 'sandbox' ? this.#context.settings.sandboxBuildDir : this.folder.path;
  }

  /** Where on this machine's disk what the builder calls `path` is. */
  outputPlace(path: StorePath): string {
    return this.#root?.outputPlace(path) ?? this.#context.store.realPath(path);
  }

  /** For the executor. Throws `BuildError`, and as `runHook`. */
  async place(): Promise<Place | { readonly kind: 'here' }> {
    const root = this.#root;
    const { store, settings } = this.#context;
    const { job, options, inputs, signal } = this.#request;
    const { path, derivation } = job;
    if (this.kind === 'here') return { kind: 'here' };
    if (root === undefined) {
      const personality = this.kind === 'host' ? builderPersonality(derivation, settings) : undefined;
      return { kind: 'host', user: this.user, personality };
    }
    const rootPath = root.path;
    const paths = await gatherSandboxPaths(store, {
      path,
      derivation,
      options,
      inputs,
      settings,
      root: rootPath,
      signal,
    });
    const folder = this.folder.path;
    const sandbox = makeSandbox({
      derivation,
      root,
      storeDir: store.storeDir,
      folder,
      paths,
      user: this.user,
      idCount: needsManyIds(options) ? idsOfSlot : undefined,
      settings,
    });
    return { ...sandbox, controlGroup: this.#group?.folder };
  }

  /**
   * Has the builder, which may run, see valid paths that it has not had as inputs: it gets copies, since it could write to
   * links where it runs as we do. On the host it sees all there is.
   */
  async show(paths: readonly StorePath[], signal: AbortSignal): Promise<void> {
    const root = this.#root;
    if (root === undefined) return;
    const { store } = this.#context;
    for (const path of paths) {
      const node = await store.rootOf(path, { signal });
      await root.showTree(path, at => checkoutTree(store.blobs, node, at, { signal }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

interface SiteParts {
  readonly kind: BuilderPlace;
  readonly folder: BuildFolder;
  readonly root: SandboxRoot | undefined;
  readonly user: BuildUser | undefined;
  readonly group: ControlGroup | undefined;
  readonly resources: AsyncDisposableStack;
}

/** Throws `BuildError`. */
function requireManyIds({ settings }: BuildContext, user: BuildUser | undefined): void {
  if (settings.autoAllocatesUsers && user !== undefined) return;
  const message = "feature 'uid-range' requires the setting 'auto-allocate-uids' to be enabled";
  throw new BuildError('InputRejected', message);
}

/** Throws `build/no-control-group`. */
async function makeControlGroup({ settings, store }: BuildContext, owner: UserIds | undefined): Promise<ControlGroup> {
  if (settings.allowsControlGroups) return ControlGroup.make({ owner, dataFolder: store.dataFolder });
  const message =
    "experimental Nix feature 'cgroups' is disabled; add '--extra-experimental-features cgroups' to enable it";
  throw new EngineError('build/no-control-group', message);
}

function acquireUser({ settings, store }: BuildContext, request: BuildRequest) {
  const { job, reporter } = request;
  const users = new BuildUsers({ settings, dataFolder: store.dataFolder });
  const printed = displayBytes(printStorePath(store.storeDir, job.path));
  return users.acquire(request, () =>
    reporter.startActivity({
      type: 'buildWaiting',
      level: 'warn',
      text: `waiting for a free build user ID for '${magenta}${printed}${normal}'`,
    }),
  );
}
