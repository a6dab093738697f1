import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { RealisedPath } from '../../engine/index.ts';
import {
  type DerivingPath,
  type OutputName,
  type StorePath,
  allOutputs,
  isBuildSuccess,
  isDerivationPath,
  namedOutputs,
  opaquePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { printMissing } from '../installables/print-missing.ts';
import { openRealising } from '../installables/realising.ts';
import { openCommandStore } from '../open-store.ts';
import { type Operands, takeFlags } from './nix-store.ts';

/** `nix-store --realise` */
export async function storeRealise(operands: Operands, context: CommandContext): Promise<void> {
  const flags = takeFlags(operands, ['--dry-run', '--repair', '--check', '--ignore-unknown']);
  await using store = await openCommandStore(context);
  let wanted = operands.args.map(text => parseWanted(store, text));
  await using realising = await openRealising(store, context);
  let plan = await realising.plan(wanted);
  const ignoreUnknown = flags.has('--ignore-unknown');
  if (ignoreUnknown) {
    wanted = wanted.filter(path => path.kind === 'built' || !plan.unknown.has(path.path));
    plan = { ...plan, unknown: new Set() };
  }
  if (context.settings.get('print-missing')) printMissing(store, plan, { log: context.log, level: 'info' });
  if (flags.has('--dry-run')) return;
  const mode = flags.has('--check') ? 'check' : flags.has('--repair') ? 'repair' : 'normal';
  const realised = await realising.realise(wanted, { mode, failureStatus: 'telling' });
  if (ignoreUnknown) return;
  const printer = new RootPrinter(store, operands, context);
  for (const each of realised) await printer.print(each);
}

/** Makes one path, or all outputs of one derivation, valid. */
export async function realiseOne(
  store: Store,
  path: StorePath,
  rest: { readonly operands: Operands; readonly context: CommandContext },
): Promise<void> {
  const wanted = [toDerivingPath(path, [])];
  await using realising = await openRealising(store, rest.context);
  const realised = await realising.realise(wanted, { failureStatus: 'telling' });
  const printer = new RootPrinter(store, { ...rest.operands, printPaths: false }, rest.context);
  for (const each of realised) await printer.print(each);
}

/** `path` or `path!out,dev` */
function parseWanted(store: Store, text: ByteString): DerivingPath {
  const mark = text.indexOf('!');
  const path = followLinksToStorePath(store, mark < 0 ? text : brandAs<ByteString>(text.slice(0, mark)));
  const names = mark < 0 ? [] : text.slice(mark + 1).split(',');
  return toDerivingPath(
    path,
    names.filter(name => name !== '').map(name => brandAs<OutputName>(name)),
  );
}

/** Of derivations the outputs are meant: all of them if none is named. */
function toDerivingPath(path: StorePath, names: readonly OutputName[]): DerivingPath {
  if (!isDerivationPath(path)) return opaquePath(path);
  const outputs = names.length === 0 ? allOutputs : namedOutputs(names);
  return { kind: 'built', derivation: opaquePath(path), outputs };
}

/** Prints what was realised, or the links that from now on keep it from being collected. */
class RootPrinter {
  readonly #store: Store;
  readonly #operands: Operands;
  readonly #context: CommandContext;
  #roots = 0;

  constructor(store: Store, operands: Operands, context: CommandContext) {
    this.#store = store;
    this.#operands = operands;
    this.#context = context;
  }

  async print({ path, result: { outcome } }: RealisedPath): Promise<void> {
    this.#roots++;
    if (path.kind === 'opaque') {
      this.#show([await this.#keep(path.path, '')]);
      return;
    }
    const lines: ByteString[] = [];
    for (const [name, output] of isBuildSuccess(outcome) ? outcome.builtOutputs : [])
      lines.push(await this.#keep(output.path, name === 'out' ? '' : `-${name}`));
    this.#show(lines.toSorted());
  }

  /** What is printed for `path`. */
  async #keep(path: StorePath, suffix: string): Promise<ByteString> {
    const { root } = this.#operands;
    const { collector } = this.#store;
    // Nothing is collected there.
    if (collector === undefined) return printStorePath(this.#store.storeDir, path);
    if (root === undefined) {
      this.#context.modes.warnOfGarbage();
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
