import { displayBytes } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivedInputs,
  type DerivingPath,
  type SingleDerivingPath,
  type StorePath,
  builtPath,
  namedOutputs,
  opaquePath,
  printStorePath,
  resolveDerivation,
} from '../../nix-compat/index.ts';
import { type DerivationOutputs, type Store, derivationOutputs, readDerivation } from '../../store/index.ts';
import { CliError } from '../error.ts';
import type { DerivationOutput } from '../installables/derivation-output.ts';
import type { Realising } from '../installables/realising.ts';

export interface ShellStores {
  readonly store: Store;
  readonly evalStore: Store;
  readonly realising: Realising;
}

export interface ShellInputsRequest {
  /** Whose environment it is. */
  readonly derivation: StorePath;
  /** What has the shell itself. */
  readonly shell: DerivationOutput | undefined;
  /** Inputs whose paths match one of these regular expressions are left as they are. */
  readonly excluded: readonly string[];
  /** Whether it is only told what would be done. */
  readonly isDry: boolean;
}

export interface ShellInputs {
  /** With the paths of its inputs. */
  readonly derivation: BasicDerivation;
  /** The path of the shell. */
  readonly shell: string | undefined;
}

/** Makes all inputs of a derivation valid, and the shell. Undefined for a dry run. Throws what building throws. */
export async function realiseShellInputs(
  { store, evalStore, realising }: ShellStores,
  { derivation: path, shell, excluded, isDry }: ShellInputsRequest,
): Promise<ShellInputs | undefined> {
  const derivation = await readDerivation(evalStore, path);
  const wanted: DerivingPath[] = [];
  if (shell !== undefined) wanted.push(outputOf(shell));
  const patterns = excluded.map(text => new RegExp(text));
  for (const [input, used] of derivation.inputDerivations) {
    const printed = displayBytes(printStorePath(store.storeDir, input));
    if (!patterns.some(pattern => pattern.test(printed))) collect(opaquePath(input), used, wanted);
  }
  for (const source of derivation.inputSources) wanted.push(opaquePath(source));
  await realising.tell(wanted);
  if (isDry) return undefined;
  await realising.realise(wanted, { failureStatus: 'telling' });
  const known = new Map<StorePath, DerivationOutputs>();
  for (const input of derivation.inputDerivations.keys()) {
    known.set(input, await derivationOutputs(store, input, { evalStore }));
  }
  const lookup = (of: SingleDerivingPath, output: DerivationOutput['output']) => {
    return of.kind === 'opaque' ? known.get(of.path)?.get(output) : undefined;
  };
  const resolved = resolveDerivation(store.storeDir, derivation, lookup);
  if (resolved === undefined) {
    const printed = displayBytes(printStorePath(store.storeDir, path));
    throw new CliError('installable/not-built', `inputs of '${printed}' are not known`);
  }
  return {
    derivation: resolved,
    shell: shell === undefined ? undefined : await shellPath({ store, evalStore }, shell),
  };
}

function outputOf({ path, output }: DerivationOutput): DerivingPath {
  return { kind: 'built', derivation: opaquePath(path), outputs: namedOutputs([output]) };
}

function collect(derivation: SingleDerivingPath, { outputs, dynamic }: DerivedInputs, into: DerivingPath[]): void {
  if (outputs.length > 0) into.push({ kind: 'built', derivation, outputs: namedOutputs(outputs) });
  for (const [output, child] of dynamic) collect(builtPath(derivation, output), child, into);
}

async function shellPath(
  { store, evalStore }: Pick<ShellStores, 'store' | 'evalStore'>,
  { path, output }: DerivationOutput,
): Promise<string | undefined> {
  const found = (await derivationOutputs(store, path, { evalStore })).get(output);
  return found === undefined ? undefined : `${displayBytes(printStorePath(store.storeDir, found))}/bin/bash`;
}
