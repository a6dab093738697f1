import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type OutputName,
  type OutputsSpec,
  type StorePath,
  allOutputs,
  isDerivationPath,
  namedOutputs,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { type WantedOutputs, findMissing } from '../installables/missing-paths.ts';
import { printMissing } from '../installables/print-missing.ts';
import { type Wanted, realiseWanted } from '../installables/realise-wanted.ts';
import { openCommandStore } from '../open-store.ts';
import { openSubstituters } from '../open-substituters.ts';
import { type Operands, takeFlags } from './nix-store.ts';

/** A store path, and which of its outputs are meant if it is a derivation. */
interface Target {
  readonly path: StorePath;
  readonly outputs: OutputsSpec;
}

/** `nix-store --realise` */
export async function storeRealise(operands: Operands, context: CommandContext): Promise<void> {
  const flags = takeFlags(operands, ['--dry-run', '--repair', '--check', '--ignore-unknown']);
  await using store = await openCommandStore(context);
  let targets = operands.args.map(text => parseTarget(store, text));
  await using open = await openSubstituters(store, context);
  let missing = await findMissing(store, open.substituters, split(targets));
  const ignoreUnknown = flags.has('--ignore-unknown');
  if (ignoreUnknown) {
    targets = targets.filter(({ path }) => !missing.unknown.has(path));
    missing = { ...missing, unknown: new Set() };
  }
  if (context.settings.get('print-missing')) await printMissing(store, missing, { log: context.log, level: 'info' });
  if (flags.has('--dry-run')) return;
  await realiseWanted(store, split(targets), { open, missing, context, repair: flags.has('--repair') });
  if (ignoreUnknown) return;
  const printer = new RootPrinter(store, operands, context);
  for (const target of targets) await printer.print(target);
}

/** Makes one path, or all outputs of one derivation, valid. */
export async function realiseOne(
  store: Store,
  path: StorePath,
  rest: { readonly operands: Operands; readonly context: CommandContext },
): Promise<void> {
  const target: Target = { path, outputs: allOutputs };
  await using open = await openSubstituters(store, rest.context);
  const wanted = split([target]);
  const missing = await findMissing(store, open.substituters, wanted);
  await realiseWanted(store, wanted, { open, missing, context: rest.context });
  await new RootPrinter(store, { ...rest.operands, printPaths: false }, rest.context).print(target);
}

/** `path` or `path!out,dev` */
function parseTarget(store: Store, text: ByteString): Target {
  const mark = text.indexOf('!');
  const path = followLinksToStorePath(store, mark < 0 ? text : brandAs<ByteString>(text.slice(0, mark)));
  const names = mark < 0 ? [] : text.slice(mark + 1).split(',');
  const outputs = names.filter(name => name !== '').map(name => brandAs<OutputName>(name));
  return { path, outputs: outputs.length === 0 ? allOutputs : namedOutputs(outputs) };
}

function split(targets: readonly Target[]): Wanted {
  const derivations: WantedOutputs[] = [];
  const paths: StorePath[] = [];
  for (const { path, outputs } of targets) {
    if (isDerivationPath(path)) derivations.push({ derivation: path, outputs });
    else paths.push(path);
  }
  return { paths, derivations };
}

/** Prints what was realised, or the links that from now on keep it from being collected. */
class RootPrinter {
  readonly #store: Store;
  readonly #operands: Operands;
  readonly #context: CommandContext;
  #roots = 0;
  #warned = false;

  constructor(store: Store, operands: Operands, context: CommandContext) {
    this.#store = store;
    this.#operands = operands;
    this.#context = context;
  }

  async print({ path, outputs }: Target): Promise<void> {
    this.#roots++;
    if (!isDerivationPath(path)) {
      this.#show([await this.#keep(path, '')]);
      return;
    }
    const known = await derivationOutputs(this.#store, path);
    const names = outputs.kind === 'all' ? [...known.keys()].toSorted() : outputs.names;
    const lines: ByteString[] = [];
    for (const name of names) {
      const output = known.get(name);
      if (output === undefined) {
        const printed = displayBytes(printStorePath(this.#store.storeDir, path));
        const message = `derivation '${printed}' does not have output '${displayBytes(name)}'`;
        throw new CliError('installable/no-such-output', message);
      }
      lines.push(await this.#keep(output, name === 'out' ? '' : `-${name}`));
    }
    this.#show(lines.toSorted());
  }

  /** What is printed for `path`. */
  async #keep(path: StorePath, suffix: string): Promise<ByteString> {
    const { root } = this.#operands;
    const { collector } = this.#store;
    // Nothing is collected there.
    if (collector === undefined) return printStorePath(this.#store.storeDir, path);
    if (root === undefined) {
      if (!this.#warned) {
        const warning = "you did not specify '--add-root'; the result might be removed by the garbage collector";
        this.#context.log.warn(warning);
      }
      this.#warned = true;
      return printStorePath(this.#store.storeDir, path);
    }
    const link = `${root}${this.#roots > 1 ? `-${this.#roots}` : ''}${suffix}`;
    await collector.addIndirectRoot(displayBytes(brandAs<ByteString>(link)), path);
    return brandAs<ByteString>(link);
  }

  #show(lines: readonly ByteString[]): void {
    if (!this.#operands.printPaths) return;
    for (const line of lines) this.#context.out.byteLine(line);
  }
}
