import type { ByteString } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { type KnownPath, type Store, computeClosure, requireFacet, sortInfos, sortPaths } from '../../store/index.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from './installable-arguments.ts';
import { type Realised, realiseInstallables } from './realise-installables.ts';
import { type OperateOn, resolveInstallables } from './resolve-installables.ts';

/**
 * The flags and arguments by which commands are told store paths: installables, `--recursive`, `--derivation`, `--all`,
 * `--stdin`.
 *
 *     const wanted = new StorePathArguments(context);
 *     return { summary, flags: [...wanted.flags], positionals: wanted.positionals, run: async () => {
 *       await using store = await openCommandStore(context);
 *       for (const path of await wanted.resolve(store)) ...
 */
export class StorePathArguments {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  readonly #context: CommandContext;
  readonly #installables: InstallableArguments;
  #operateOn: OperateOn = 'output';
  #recursive: boolean;
  #all = false;

  /** `recursive`: whether the command works on closures unless `--no-recursive` is given. */
  constructor(context: CommandContext, { recursive = false }: { readonly recursive?: boolean } = {}) {
    this.#context = context;
    this.#recursive = recursive;
    this.#installables = new InstallableArguments(context);
    this.flags = [
      ...this.#installables.flags,
      {
        long: 'derivation',
        labels: [],
        summary: 'Work on the derivations that make the paths.',
        apply: () => (this.#operateOn = 'derivation'),
      },
      recursive
        ? {
            long: 'no-recursive',
            labels: [],
            summary: 'Leave out what the paths refer to.',
            apply: () => (this.#recursive = false),
          }
        : {
            long: 'recursive',
            short: 'r',
            labels: [],
            summary: 'Take in all that the paths refer to.',
            apply: () => (this.#recursive = true),
          },
      { long: 'all', labels: [], summary: 'Take every path of the store.', apply: () => (this.#all = true) },
    ];
    this.positionals = this.#installables.positionals;
  }

  /** Whether what the paths refer to is wanted, too. */
  get recursive(): boolean {
    return this.#recursive;
  }

  /**
   * What is named, made valid where it is not yet; `--all` of the store's paths. Throws `usage/…`, `installable/…` and
   * as `realiseInstallables`.
   */
  async realise(store: Store): Promise<Realised[]> {
    const texts = this.#installables.readTexts();
    if (this.#all) return (await this.#everything(store, texts)).map(path => ({ kind: 'path', path }));
    const installables = await this.#installables.resolve(store, texts);
    if (this.#operateOn === 'output') return realiseInstallables(store, installables, { context: this.#context });
    const options = { operateOn: this.#operateOn, context: this.#context };
    const paths = await resolveInstallables(store, installables, options);
    return paths.map(path => ({ kind: 'path', path }));
  }

  /** Each path once, after those that it refers to. Throws `usage/…`, `installable/…`, `path/invalid` for closures. */
  async resolve(store: Store): Promise<KnownPath[]> {
    const texts = this.#installables.readTexts();
    if (this.#all) return sortPaths(store, await this.#everything(store, texts));
    const installables = await this.#installables.resolve(store, texts);
    const options = { operateOn: this.#operateOn, context: this.#context };
    const paths = await resolveInstallables(store, installables, options);
    return this.#recursive ? sortInfos(store, await computeClosure(store, paths)) : sortPaths(store, paths);
  }

  /** As `resolve`, for commands that take one path alone. */
  async resolveOne(store: Store): Promise<StorePath> {
    const [resolved, ...others] = await this.resolve(store);
    if (resolved !== undefined && others.length === 0) return resolved.path;
    throw new CliError('usage/unexpected-argument', 'this command requires exactly one store path');
  }

  #everything(store: Store, texts: readonly ByteString[]): Promise<StorePath[]> {
    if (texts.length > 0) throw new CliError('usage/unexpected-argument', "'--all' does not expect arguments");
    return requireFacet(store, 'index', 'queryAllValidPaths').allPaths();
  }
}
