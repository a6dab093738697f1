import { byteStringFromText, bytesOf, displayBytes } from '../base/index.ts';
import { EvalError, Evaluator, type EvaluatorOptions, printAmbiguous } from '../eval/index.ts';
import { type MemoryEvalIO, memoryEvalIO } from './memory-eval-io.ts';

/** What an expression is: its value as `nix-instantiate --eval --strict` prints it, or what is wrong with it. */
export type Evaluated =
  | { readonly value: string }
  | { readonly error: string; readonly place: string; readonly traces: readonly string[] };

export interface EvaluateOptions extends Partial<Omit<EvaluatorOptions, 'io'>> {
  readonly io?: MemoryEvalIO;
}

/** Evaluates an expression, and all that its value contains; the store is empty. Texts come without colours. */
export function evaluateText(text: string, { io = memoryEvalIO(), ...options }: EvaluateOptions = {}): Evaluated {
  const evaluator = new Evaluator({ io, system: 'x86_64-linux', ...options });
  try {
    const source = bytesOf(byteStringFromText(text));
    const tree = evaluator.parse(source, { kind: 'text', name: '«string»' }, byteStringFromText('/'));
    const word = evaluator.delay(tree);
    for (;;) {
      const pass = evaluator.pass(() => {
        const value = evaluator.force(word);
        evaluator.forceDeep(value);
        return displayBytes(printAmbiguous(evaluator, value));
      });
      if (pass.kind === 'done') return { value: pass.value };
      for (const need of pass.needs) evaluator.answer(need, { kind: 'absent' });
    }
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    const { message, position, traces } = error;
    return {
      error: withoutColours(message),
      place: position === undefined ? '' : `${position.line}:${position.column}`,
      traces: traces.map(trace => withoutColours(trace.text)),
    };
  }
}

function withoutColours(text: string): string {
  return text.replaceAll(/\x1b\[[0-9;]*m/g, '');
}
