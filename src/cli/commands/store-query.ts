import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type PathInfo,
  type StorePath,
  compareStorePaths,
  formatHash,
  isDerivationPath,
  printStorePath,
} from '../../nix-compat/index.ts';
import {
  type Store,
  computeClosure,
  computeReferrers,
  derivationOutputs,
  readDerivation,
  requireFacet,
  requirePathInfo,
  sortPaths,
  staticOutputs,
} from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openCommandStore } from '../open-store.ts';
import type { Operands } from './nix-store.ts';
import { type QueryOptions, parseQueryFlags } from './query-flags.ts';
import { realiseOne } from './store-realise.ts';

/** `nix-store --query` */
export async function storeQuery(operands: Operands, context: CommandContext): Promise<void> {
  const options = parseQueryFlags(operands);
  await using store = await openCommandStore(context);
  await new StoreQuery(store, options, { operands, context }).run();
}

class StoreQuery {
  readonly #store: Store;
  readonly #options: QueryOptions;
  readonly #operands: Operands;
  readonly #context: CommandContext;

  constructor(store: Store, options: QueryOptions, rest: { operands: Operands; context: CommandContext }) {
    this.#store = store;
    this.#options = options;
    this.#operands = rest.operands;
    this.#context = rest.context;
  }

  async run(): Promise<void> {
    const { kind, binding } = this.#options;
    switch (kind) {
      case 'outputs':
        return this.#forEachPath(async path => this.#print(await this.#useOutputs(path, true)));
      case 'requisites':
      case 'references':
      case 'referrers':
      case 'referrers-closure':
        return this.#printSorted(await this.#related(kind));
      case 'deriver':
        return this.#forEachPath(async path => this.#printDeriver(await requirePathInfo(this.#store, path)));
      case 'valid-derivers':
        return this.#printSorted(await this.#validDerivers());
      case 'binding':
        return this.#forEachPath(path => this.#printBinding(path, binding));
      case 'hash':
        return this.#forEachUsed(({ narHash }) => this.#line(formatHash(narHash, 'nix32', { prefix: true })));
      case 'size':
        return this.#forEachUsed(({ narSize }) => this.#line(String(narSize)));
      case 'resolve':
        return this.#forEachPath(async path => this.#print([path]));
      case 'roots':
        return this.#printRoots();
      case 'tree': {
        const { printTree } = await import('./print-tree.ts');
        const done = new Set<StorePath>();
        return this.#forEachPath(path => printTree(this.#store, path, { done, print: line => this.#line(line) }));
      }
      case 'graph': {
        const { printDotGraph } = await import('./print-graph.ts');
        return printDotGraph(this.#store, await this.#allUsed(), line => this.#line(line));
      }
      case 'graphml': {
        const { printGraphMl } = await import('./print-graph.ts');
        return printGraphMl(this.#store, await this.#allUsed(), line => this.#line(line));
      }
    }
  }

  #line(text: string): void {
    this.#context.out.byteLine(brandAs<ByteString>(text));
  }

  #print(paths: Iterable<StorePath>): void {
    for (const path of paths) this.#line(printStorePath(this.#store.storeDir, path));
  }

  async #printSorted(paths: Iterable<StorePath>): Promise<void> {
    for (const { path } of await sortPaths(this.#store, paths)) this.#print([path]);
  }

  async #forEachPath(work: (path: StorePath) => Promise<void>): Promise<void> {
    for (const text of this.#operands.args) await work(followLinksToStorePath(this.#store, text));
  }

  async #forEachUsed(work: (info: PathInfo) => void): Promise<void> {
    await this.#forEachPath(async path => {
      for (const used of await this.#useOutputs(path)) work(await requirePathInfo(this.#store, used));
    });
  }

  async #allUsed(): Promise<StorePath[]> {
    const paths = new Set<StorePath>();
    await this.#forEachPath(async path => {
      for (const used of await this.#useOutputs(path)) paths.add(used);
    });
    return [...paths].toSorted(compareStorePaths);
  }

  /** `path`, or the outputs of the derivation that it is where these are wanted. In ascending order. */
  async #useOutputs(path: StorePath, useOutput = this.#options.useOutput): Promise<readonly StorePath[]> {
    const { forceRealise } = this.#options;
    if (forceRealise) await realiseOne(this.#store, path, { operands: this.#operands, context: this.#context });
    if (!useOutput || !isDerivationPath(path)) return [path];
    if (!(await this.#store.validPaths([path])).has(path)) throw requiredButMissing(this.#store, path);
    const outputs = forceRealise
      ? await derivationOutputs(this.#store, path)
      : staticOutputs(this.#store, await readDerivation(this.#store, path));
    const known = [...outputs.values()].filter(output => output !== undefined);
    if (known.length === outputs.size) return known.toSorted(compareStorePaths);
    const why = 'until we know what it is (e.g. by building it)';
    throw new CliError('usage/not-built', `Cannot use output path of floating content-addressing derivation ${why}`);
  }

  async #related(kind: 'requisites' | 'references' | 'referrers' | 'referrers-closure'): Promise<Set<StorePath>> {
    const related = new Set<StorePath>();
    const used = await this.#allUsed();
    const add = (paths: Iterable<StorePath>): void => {
      for (const path of paths) related.add(path);
    };
    switch (kind) {
      case 'requisites':
        add((await computeClosure(this.#store, used, { includeOutputs: this.#options.includeOutputs })).keys());
        break;
      case 'references':
        for (const path of used) add((await requirePathInfo(this.#store, path)).references);
        break;
      case 'referrers': {
        const index = requireFacet(this.#store, 'index', 'queryReferrers');
        for (const path of used) add(await index.referrers(path));
        break;
      }
      case 'referrers-closure':
        add(await computeReferrers(this.#store, used));
    }
    return related;
  }

  #printDeriver({ deriver }: PathInfo): void {
    if (deriver === undefined) this.#line('unknown-deriver');
    else this.#print([deriver]);
  }

  async #validDerivers(): Promise<Set<StorePath>> {
    const index = requireFacet(this.#store, 'index', 'queryValidDerivers');
    const derivers = new Set<StorePath>();
    await this.#forEachPath(async path => {
      for (const deriver of await index.validDerivers(path)) derivers.add(deriver);
    });
    return derivers;
  }

  async #printBinding(path: StorePath, binding: ByteString): Promise<void> {
    const derivationPath = isDerivationPath(path) ? path : await this.#deriverOf(path);
    const derivation = await readDerivation(this.#store, derivationPath);
    const value = derivation.env.get(binding);
    if (value === undefined) {
      const printed = displayBytes(printStorePath(this.#store.storeDir, derivationPath));
      const message = `derivation '${printed}' has no environment binding named '${displayBytes(binding)}'`;
      throw new CliError('derivation/no-binding', message);
    }
    this.#line(value);
  }

  async #deriverOf(path: StorePath): Promise<StorePath> {
    const { deriver } = await requirePathInfo(this.#store, path);
    if (deriver !== undefined) return deriver;
    const printed = displayBytes(printStorePath(this.#store.storeDir, path));
    throw new CliError('installable/no-deriver', `deriver of path '${printed}' is not known`);
  }

  async #printRoots(): Promise<void> {
    const collector = requireFacet(this.#store, 'collector', 'findRoots');
    const { settings } = this.#context;
    const keeping = await computeReferrers(this.#store, await this.#allUsed(), {
      includeOutputs: settings.get('keep-outputs'),
      includeDerivers: settings.get('keep-derivations'),
    });
    for (const { path, holder } of await collector.findRoots()) {
      if (keeping.has(path)) this.#line(`${holder} -> ${printStorePath(this.#store.storeDir, path)}`);
    }
  }
}

function requiredButMissing(store: Store, path: StorePath): CliError {
  const printed = displayBytes(printStorePath(store.storeDir, path));
  const message = `path '${printed}' is required, but there is no substituter that can build it`;
  return new CliError('realise/absent', message);
}
