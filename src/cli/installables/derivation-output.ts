import { displayBytes } from '../../base/index.ts';
import { type Evaluator, type Package, derivationPathOf, outputNameOf } from '../../eval/index.ts';
import { type OutputName, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';

/** One output of the derivation at a store path. */
export interface DerivationOutput {
  readonly path: StorePath;
  readonly output: OutputName;
}

/** Whether what was read from a record of an evaluation is one. */
export function isDerivationOutput(value: unknown): value is DerivationOutput {
  if (typeof value !== 'object' || value === null || !('path' in value && 'output' in value)) return false;
  return typeof value.path === 'string' && typeof value.output === 'string';
}

/** The output that a package stands for. Throws `derivation/no-output` where it does not say, and what evaluating throws. */
export function derivationOutputOf(evaluator: Evaluator, found: Package): DerivationOutput {
  const path = derivationPathOf(evaluator, found);
  const output = outputNameOf(evaluator, found);
  if (output !== '') return { path, output };
  const printed = displayBytes(printStorePath(evaluator.io.storeDir, path));
  throw new CliError('derivation/no-output', `derivation '${printed}' lacks an 'outputName' attribute`);
}
