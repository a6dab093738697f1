import { type ByteString, displayBytes } from '../../base/index.ts';
import type { DebugPrompt, Evaluator } from '../../eval/index.ts';
import type { Flag } from '../args/flag.ts';

/** What the flags of evaluation said: `-I`, `--arg`, `--argstr`. */
export interface EvaluationArguments {
  /** Who debugs, if somebody does; asked once there is an evaluator. */
  debugPrompt?: (evaluator: () => Evaluator) => DebugPrompt;
  isImpure?: boolean;
  readonly searchPath: string[];
  readonly args: Map<ByteString, { readonly kind: 'expression' | 'text'; readonly text: ByteString }>;
}

/** Flags of every command that evaluates; what they say goes to `into`. */
export function evaluationFlags(into: EvaluationArguments): Flag[] {
  return [
    {
      long: 'arg',
      labels: ['name', 'expr'],
      summary: 'Pass the value of an expression as an argument to functions.',
      apply: (name, text) => into.args.set(name, { kind: 'expression', text }),
    },
    {
      long: 'argstr',
      labels: ['name', 'string'],
      summary: 'Pass a string as an argument to functions.',
      apply: (name, text) => into.args.set(name, { kind: 'text', text }),
    },
    {
      long: 'impure',
      labels: [],
      summary: 'Let expressions see the environment and all files.',
      apply: () => (into.isImpure = true),
    },
    {
      long: 'include',
      short: 'I',
      labels: ['path'],
      summary: 'Look for files on the search path here first.',
      apply: entry => into.searchPath.push(displayBytes(entry)),
    },
  ];
}
