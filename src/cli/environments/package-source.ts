import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromText, displayBytes, unreachable } from '../../base/index.ts';
import { type ChosenPackage, EngineError, type PackageSelector, selectPackages } from '../../engine/index.ts';
import { type Word, findPackages, importFile, select } from '../../eval/index.ts';
import { type StorePath, isDerivationPath, parsePackageName, storePathName } from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { parseText } from '../evaluation/source-expression.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { EvaluatedPackage, type PackageCandidate } from './evaluated-package.ts';

/** What the arguments of a command are. */
export type SourceKind =
  /** Names of packages that an expression has, or store paths where the first has a slash. */
  | { readonly kind: 'names' }
  /** Functions of what the expression is. */
  | { readonly kind: 'expressions' }
  | { readonly kind: 'attributes' }
  /** Names of packages of another profile. */
  | { readonly kind: 'profile'; readonly profile: string };

/** Where packages come from, and what is installed. */
export class PackageSource {
  readonly evaluation: Evaluation;
  readonly #context: CommandContext;
  readonly #definitions: () => Word;
  readonly #systemFilter: string;

  /**
   * `definitions` is what the expression is, asked for within `perform`; only packages of the system `systemFilter` are
   * offered, or of `*` all.
   */
  constructor(
    evaluation: Evaluation,
    context: CommandContext,
    from: { readonly definitions: () => Word; readonly systemFilter: string },
  ) {
    this.evaluation = evaluation;
    this.#context = context;
    this.#definitions = from.definitions;
    this.#systemFilter = from.systemFilter;
  }

  /** All packages that the expression has. Within `perform`. */
  available(attributePath = byteStringFromText('')): EvaluatedPackage[] {
    const { evaluator, args } = this.evaluation;
    const root = this.#definitions();
    const value = select(evaluator, attributePath, args, root);
    const prefix = displayBytes(attributePath);
    const found = findPackages(evaluator, value, args, { skipsFailedAssertions: true, prefix });
    const packages = found.map(each => new EvaluatedPackage(evaluator, each));
    const filter = this.#systemFilter;
    return filter === '*' ? packages : packages.filter(each => displayBytes(each.system()) === filter);
  }

  /** What a profile consists of; nothing where it is not there. Within `perform`. Throws `environment/other-manifest`. */
  installed(profile: string): EvaluatedPackage[] {
    if (existsSync(join(profile, 'manifest.json'))) {
      const message = `profile "${profile}" is incompatible with 'nix-env'; please use 'nix profile' instead`;
      throw new EngineError('environment/other-manifest', message);
    }
    const manifest = join(profile, 'manifest.nix');
    if (!existsSync(manifest)) return [];
    const { evaluator } = this.evaluation;
    const value = evaluator.run(() => importFile(evaluator, byteStringFromText(manifest)));
    return findPackages(evaluator, value, new Map()).map(each => new EvaluatedPackage(evaluator, each));
  }

  /** The packages that `args` mean. */
  async query(
    store: Store,
    kind: SourceKind,
    args: readonly ByteString[],
    options: { readonly newestOnly: boolean },
  ): Promise<PackageCandidate[]> {
    const [first] = args;
    if (kind.kind === 'names' && first?.includes('/') === true) {
      return Promise.all(args.map(arg => packageOfPath(store, arg)));
    }
    return this.evaluation.perform(() => this.#evaluate(kind, args, options));
  }

  #evaluate(
    kind: SourceKind,
    args: readonly ByteString[],
    { newestOnly }: { readonly newestOnly: boolean },
  ): PackageCandidate[] {
    const { evaluator, args: autoArgs } = this.evaluation;
    const options = { newestOnly, ...this.selection };
    switch (kind.kind) {
      case 'names':
        return selectPackages(this.available(), args, options);
      case 'profile':
        return selectPackages(this.installed(kind.profile), args, options);
      case 'expressions': {
        const root = this.#definitions();
        return args.flatMap(arg => {
          const applied = evaluator.run(() => {
            const { core } = evaluator;
            return core.call(core.force(evaluator.evaluate(parseText(this.evaluation, arg))), [root]);
          });
          const found = findPackages(evaluator, applied, autoArgs, { skipsFailedAssertions: true });
          return found.map(each => new EvaluatedPackage(evaluator, each));
        });
      }
      case 'attributes': {
        const root = this.#definitions();
        return args.flatMap(arg => {
          const value = select(evaluator, arg, autoArgs, root);
          const found = findPackages(evaluator, value, autoArgs, { skipsFailedAssertions: true });
          return found.map(each => new EvaluatedPackage(evaluator, each));
        });
      }
      default:
        return unreachable(kind);
    }
  }

  get selection() {
    const { settings, log } = this.#context;
    return { system: settings.get('system'), warn: (message: string) => log.warn(message) };
  }
}

/** A store path as a package: a derivation, or what one has made. */
async function packageOfPath(store: Store, text: ByteString): Promise<PackageCandidate> {
  const path = followLinksToStorePath(store, text);
  const name = byteStringFromText(storePathName(path));
  const drvPath = isDerivationPath(path) ? path : undefined;
  const outPath = drvPath === undefined ? path : await outputOf(store, drvPath);
  const out = byteStringFromText('out');
  const element: ChosenPackage = {
    name,
    system: undefined,
    outPath,
    drvPath,
    outputs: () => new Map([[out, outPath]]),
    meta: new Map(),
  };
  return { name, system: () => byteStringFromText(''), priority: () => 0n, read: () => element };
}

async function outputOf(store: Store, derivation: StorePath): Promise<StorePath> {
  const path = (await derivationOutputs(store, derivation)).get(byteStringFromText('out'));
  if (path !== undefined) return path;
  const message = `derivation '${derivation}' has no output 'out' whose path is known`;
  throw new CliError('installable/not-built', message);
}

/** Whether a package has the name that an argument says. Throws as `PackageSelector.matches`. */
export function isMeant(selectors: readonly PackageSelector[], { name }: { readonly name: ByteString }): boolean {
  return selectors.some(selector => selector.matches(parsePackageName(name)));
}
