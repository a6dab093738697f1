import { byteStringFromText, displayBytes } from '../../../src/base/index.ts';
import { FileSystemIO } from '../../../src/engine/index.ts';
import { EvalError, Evaluator, printAmbiguous } from '../../../src/eval/index.ts';
import { type ExperimentalFeature, defaultStoreDir } from '../../../src/nix-compat/index.ts';
import { type Answer, plainMessage } from './answer.ts';

const folder = byteStringFromText('/');

/**
 * Firn's answers, in this process. Evaluations start anew where the other side's did: the order of attributes depends on
 * which names were met before.
 */
export function askFirn(
  features: ReadonlySet<ExperimentalFeature>,
  programs: readonly string[],
  startsAnew: (index: number) => boolean,
): Answer[] {
  let evaluator = newEvaluator(features);
  return programs.map((program, index) => {
    if (index > 0 && startsAnew(index)) evaluator = newEvaluator(features);
    return ask(evaluator, program);
  });
}

function newEvaluator(features: ReadonlySet<ExperimentalFeature>): Evaluator {
  const io = new FileSystemIO({
    storeDir: defaultStoreDir,
    workingFolder: folder,
    want: () => {},
    environment: () => undefined,
    say: () => {},
  });
  return new Evaluator({ io, system: 'x86_64-linux', features });
}

function evaluateProgram(evaluator: Evaluator, program: string): string {
  const tree = evaluator.parse(Buffer.from(program), { kind: 'text', name: '«string»' }, folder);
  const value = evaluator.evaluate(tree);
  evaluator.forceDeep(value);
  return displayBytes(printAmbiguous(evaluator, value));
}

function ask(evaluator: Evaluator, program: string): Answer {
  try {
    for (;;) {
      const pass = evaluator.pass(() => evaluateProgram(evaluator, program));
      if (pass.kind === 'done') return { kind: 'value', value: pass.value };
      // The store is empty.
      for (const need of pass.needs) evaluator.answer(need, { kind: 'absent' });
    }
  } catch (error) {
    if (!(error instanceof EvalError)) return { kind: 'error', message: `bug: ${String(error)}`, place: '' };
    const { message, position } = error;
    const place = position === undefined ? '' : `at ${position.file}:${position.line}:${position.column}:`;
    return { kind: 'error', message: plainMessage(message), place };
  }
}
