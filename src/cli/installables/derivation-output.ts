import { displayBytes } from '../../base/index.ts';
import { type Evaluator, type Package, derivationPathOf, outputNameOf } from '../../eval/index.ts';
import { type OutputName, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';

/** One output of the derivation at a store path. */
export interface DerivationOutput {
  readonly path: StorePath;
  readonly output: OutputName;
}

/** The output that a package stands for. Throws `derivation/no-output` where it does not say, and what evaluating throws. */
export function derivationOutputOf(evaluator: Evaluator, found: Package): DerivationOutput {
  const path = derivationPathOf(evaluator, found);
  const output = outputNameOf(evaluator, found);
  if (output !== '') return { path, output };
  const printed = displayBytes(printStorePath(evaluator.io.storeDir, path));
  throw new CliError('derivation/no-output', `derivation '${printed}' lacks an 'outputName' attribute`);
}
