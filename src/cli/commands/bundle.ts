import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type Evaluator,
  type Word,
  addressOf,
  coerceToStorePath,
  evalError,
  forcePlainString,
  isDerivation,
  kindOf,
} from '../../eval/index.ts';
import { type StorePath, isDerivationPath, opaquePath } from '../../nix-compat/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { completeFlake } from '../flakes/complete-flake.ts';
import { packageAttributes, parseFlakeInstallable } from '../installables/flake-installable.ts';
import { openRealising } from '../installables/realising.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { absolutePath } from '../paths.ts';

const usualBundler = 'github:NixOS/bundlers';

/** `nix bundle` */
export function bundle(context: CommandContext): Command {
  const source = new SourceArguments(context, system => {
    const { defaults, prefixes } = packageAttributes(system);
    return {
      defaults: [`apps.${system}.default`, `defaultApp.${system}`, ...defaults],
      prefixes: [`apps.${system}.`, ...prefixes],
    };
  });
  let text = byteStringFromText('.');
  let bundler = byteStringFromText(usualBundler);
  let outLink: ByteString | undefined;
  source.namedTexts = () => [text];
  return {
    summary: 'Makes something that works outside of the store of a package, by a function of a flake.',
    flags: [
      ...source.flags,
      {
        long: 'bundler',
        labels: ['flake-url'],
        summary: `The function, an attribute of 'bundlers.SYSTEM' of a flake; '${usualBundler}' unless given.`,
        complete: completeFlake(context),
        apply: given => (bundler = given),
      },
      {
        long: 'out-link',
        short: 'o',
        labels: ['path'],
        summary: 'Where to link the result, in place of its name.',
        complete: completePath,
        apply: given => (outLink = given),
      },
    ],
    positionals: [
      { label: 'installable', arity: 1, optional: true, complete: source.complete, apply: given => (text = given) },
    ],
    run: async () => {
      const system = context.settings.get('system');
      const attributes = {
        defaults: [`bundlers.${system}.default`, `defaultBundler.${system}`],
        prefixes: [`bundlers.${system}.`],
      };
      const tool = parseFlakeInstallable(bundler, attributes, context);
      await using store = await openCommandStore(context);
      const made = await source.evaluateOneBy(
        { text, tool },
        ({ evaluator }, value, callee) => {
          const result = evaluator.force(evaluator.keep(() => evaluator.core.delayCall(callee, value)));
          return describeBundle(evaluator, result, { what: tool.what, isNamed: outLink !== undefined });
        },
        { store },
      );
      const path = { kind: 'built', derivation: opaquePath(made.derivation), outputs: { kind: 'all' } } as const;
      const evalStore = await source.evalStoreOf(store);
      await using realising = await openRealising(store, context, { evalStore });
      await realising.realise([path]);
      const link = displayBytes(absolutePath(outLink ?? made.name));
      await store.collector?.addIndirectRoot(link, made.output);
    },
  };
}

interface Bundle {
  readonly derivation: StorePath;
  readonly output: StorePath;
  /** Empty where nobody asks. */
  readonly name: ByteString;
}

/** What a bundler has made. Throws `run/no-derivation` and what evaluating throws. */
function describeBundle(
  evaluator: Evaluator,
  result: Word,
  { what, isNamed }: { readonly what: string; readonly isNamed: boolean },
): Bundle {
  const { core } = evaluator;
  return evaluator.run(() => {
    const attrs = kindOf(core.memory, result) === 'set' ? addressOf(result) : undefined;
    const find = (name: string) => (attrs === undefined ? undefined : core.lookup(attrs, core.internText(name)));
    const [drvPath, outPath] = [find('drvPath'), find('outPath')];
    const isWhole = attrs !== undefined && isDerivation(evaluator, attrs);
    if (!isWhole || drvPath === undefined || outPath === undefined) {
      throw new CliError('run/no-derivation', `the bundler '${what}' does not produce a derivation`);
    }
    const derivation = coerceToStorePath(evaluator, drvPath.word, '', drvPath.position);
    if (!isDerivationPath(derivation)) throw evalError`store path '${derivation}' is not a valid derivation path`;
    const output = coerceToStorePath(evaluator, outPath.word, '', outPath.position);
    const name = isNamed ? undefined : find('name');
    if (!isNamed && name === undefined) throw evalError`attribute 'name' missing`;
    const text =
      name === undefined ? byteStringFromText('') : forcePlainString(evaluator, name.word, '', name.position);
    return { derivation, output, name: text };
  });
}
