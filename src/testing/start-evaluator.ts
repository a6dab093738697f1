import { byteStringFromText } from '../base/index.ts';
import { FileSystemIO } from '../engine/index.ts';
import { Evaluator, type EvaluatorOptions } from '../eval/index.ts';
import { defaultStoreDir } from '../nix-compat/index.ts';

/** An evaluator of this machine's files that adds nothing to any store. */
export function startEvaluator(options: Partial<EvaluatorOptions> = {}): Evaluator {
  const io = new FileSystemIO({
    storeDir: defaultStoreDir,
    want: () => undefined,
    environment: () => undefined,
    say: () => undefined,
    workingFolder: byteStringFromText('/'),
  });
  return new Evaluator({ io, system: 'x86_64-linux', ...options });
}
