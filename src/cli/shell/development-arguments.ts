import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  displayBytes,
  messageOf,
} from '../../base/index.ts';
import { type StorePath, baseStorePath, isDerivationPath, printStorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { ProfileArgument } from '../installables/profile-argument.ts';
import { pathsOf, realiseInstallables } from '../installables/realise-installables.ts';
import { resolveInstallables } from '../installables/resolve-installables.ts';
import { type FlakeAttributes, packageAttributes } from '../installables/flake-installable.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { absolutePath } from '../paths.ts';
import type { BuildEnvironment } from './build-environment.ts';
import { buildDerivationEnvironment, readBuildEnvironment } from './get-environment.ts';

/** The build environment of a derivation, and where it is in the store. */
export interface BuiltEnvironment {
  readonly environment: BuildEnvironment;
  readonly path: StorePath;
}

function shellAttributes(system: string): FlakeAttributes {
  const { defaults, prefixes } = packageAttributes(system);
  return {
    defaults: [`devShells.${system}.default`, `devShell.${system}`, ...defaults],
    prefixes: [`devShells.${system}.`, ...prefixes],
  };
}

/** The arguments of `nix develop` and `nix print-dev-env`: one installable, `--profile`, `--redirect`. */
export class DevelopmentArguments {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  readonly #context: CommandContext;
  readonly #source: SourceArguments;
  readonly #profile = new ProfileArgument();
  readonly #redirects: { readonly text: ByteString; readonly folder: ByteString }[] = [];
  #installable: ByteString = byteStringFromText('.');

  constructor(context: CommandContext) {
    this.#context = context;
    this.#source = new SourceArguments(context, shellAttributes);
    this.#source.namedTexts = () => [this.#installable];
    this.flags = [
      ...this.#source.flags,
      this.#profile.flag,
      {
        long: 'redirect',
        labels: ['installable', 'outputs-dir'],
        summary: 'Have this folder used in place of the outputs.',
        complete: (completions, prefix, index) => {
          return index === 0
            ? this.#source.complete(completions, prefix, index)
            : completePath(completions, prefix, index);
        },
        apply: (text, folder) => this.#redirects.push({ text, folder: absolutePath(folder) }),
      },
    ];
    this.positionals = [
      {
        label: 'installable',
        arity: 1,
        optional: true,
        complete: this.#source.complete,
        apply: given => (this.#installable = given),
      },
    ];
  }

  /** Throws what evaluating and building throw, `shell/…`. */
  async build(store: Store): Promise<BuiltEnvironment> {
    const path = await this.#buildPath(store);
    await this.#profile.update(store, [path]);
    return { environment: await readBuildEnvironment(store, path), path };
  }

  async #buildPath(store: Store): Promise<StorePath> {
    const installables = await this.#source.resolve(store, [this.#installable]);
    const [first] = installables;
    if (!this.#source.isGiven && first !== undefined) {
      const base = baseStorePath(first.path);
      if (base.endsWith('-env')) return base;
    }
    const derivations = new Set<StorePath>();
    for (const each of installables) {
      if (each.path.kind === 'opaque' && !isDerivationPath(each.path.path)) {
        const message = `argument '${each.what}' did not evaluate to a derivation`;
        throw new CliError('shell/no-derivation', message);
      }
      const options = { operateOn: 'derivation', context: this.#context } as const;
      for (const path of await resolveInstallables(store, [each], options)) derivations.add(path);
    }
    const [derivation, ...others] = derivations;
    if (derivation === undefined || others.length > 0) {
      const what = first?.what ?? displayBytes(this.#installable);
      const count = derivations.size;
      const message = `'${what}' needs to evaluate to a single derivation, but it evaluated to ${count} derivations`;
      throw new CliError('shell/no-derivation', message);
    }
    const evalStore = await this.#source.evalStoreOf(store);
    return buildDerivationEnvironment({ store, evalStore }, derivation, this.#context);
  }

  /**
   * The folder of the bash that the flake has for people; undefined where it has none, or that cannot be had, which is said.
   * Throws when it is interrupted.
   */
  async findInteractiveBash(store: Store): Promise<ByteString | undefined> {
    const { log, signal } = this.#context;
    try {
      const installable = await this.#source.interactiveBashOf(store, this.#installable);
      if (installable === undefined) return undefined;
      for (const path of (await realiseInstallables(store, [installable], { context: this.#context })).flatMap(
        pathsOf,
      )) {
        const entry = await (await store.openTree(path)).lookup(['bin', 'bash'].map(byteStringFromText));
        if (entry !== undefined) return byteStringFromLatin1(`${printStorePath(store.storeDir, path)}/bin`);
      }
      throw new CliError('shell/no-bash', "package 'nixpkgs#bashInteractive' does not provide a 'bin/bash'");
    } catch (error) {
      signal.throwIfAborted();
      log.log('error', `error (ignored): ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Store paths that `script` mentions and is to call otherwise. */
  async redirects(store: Store, script: ByteString): Promise<ReadonlyMap<ByteString, ByteString>> {
    const { log } = this.#context;
    const found = new Map<ByteString, ByteString>();
    for (const { text, folder } of this.#redirects) {
      const installables = await this.#source.resolve(store, [text]);
      const options = { operateOn: 'output', context: this.#context } as const;
      for (const path of await resolveInstallables(store, installables, options)) {
        const from = printStorePath(store.storeDir, path);
        const shown = displayBytes(from);
        if (script.includes(from)) {
          log.log('info', `redirecting '${shown}' to "${displayBytes(folder)}"`);
          found.set(from, folder);
        } else log.warn(`'${displayBytes(text)}' (path '${shown}') is not used by this build environment`);
      }
    }
    return found;
  }
}
