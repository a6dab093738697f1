import { displayBytes } from '../../base/index.ts';
import { type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { BuildError } from '../error.ts';

/**
 * A build that goes on in this process, and which others it waits for: those that its builder has asked for, and whoever
 * builds something that it must not build at the same time. Ends at disposal.
 */
export class RunningBuild implements Disposable {
  readonly path: StorePath;
  readonly #storeDir: StoreDir;
  readonly #parent: RunningBuild | undefined;
  readonly #asked = new Set<RunningBuild>();
  #holder: RunningBuild | undefined;

  /** `parent` is the build whose builder asked for this one. */
  constructor(storeDir: StoreDir, path: StorePath, parent: RunningBuild | undefined) {
    this.path = path;
    this.#storeDir = storeDir;
    this.#parent = parent;
    if (parent !== undefined) parent.#asked.add(this);
  }

  /**
   * Says for whom this build waits now, if for anybody. Throws `BuildError` where that one waits for this, too, directly or
   * by others: neither would ever end.
   */
  waitFor(holder: RunningBuild | undefined): void {
    this.#holder = holder;
    if (holder === undefined) return;
    const way = holder.#wayTo(this);
    if (way === undefined) return;
    const names = [this, ...way].map(({ path }) => `'${displayBytes(printStorePath(this.#storeDir, path))}'`);
    throw new BuildError(
      'MiscFailure',
      `${names[0]} cannot be built here: builds wait for each other in a circle: ${names.join(' -> ')}`,
    );
  }

  /** From this build to `end` by what each waits for; undefined where that is not waited for. */
  #wayTo(end: RunningBuild): readonly RunningBuild[] | undefined {
    const cameFrom = new Map<RunningBuild, RunningBuild | undefined>([[this, undefined]]);
    // What is added to a map while it is iterated over is reached, too.
    for (const build of cameFrom.keys()) {
      if (build === end) {
        const way: RunningBuild[] = [];
        for (let at: RunningBuild | undefined = build; at !== undefined; at = cameFrom.get(at)) way.unshift(at);
        return way;
      }
      for (const next of build.#asked) if (!cameFrom.has(next)) cameFrom.set(next, build);
      if (build.#holder !== undefined && !cameFrom.has(build.#holder)) cameFrom.set(build.#holder, build);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#holder = undefined;
    if (this.#parent !== undefined) this.#parent.#asked.delete(this);
  }
}
