import { type ByteString, displayBytes } from '../../base/index.ts';
import type { DebugPrompt, Evaluator } from '../../eval/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag } from '../args/flag.ts';

/** What the flags of evaluation said: `-I`, `--arg` and its like. */
export interface EvaluationArguments {
  /** Who debugs, if somebody does; asked once there is an evaluator. */
  debugPrompt?: (evaluator: () => Evaluator) => DebugPrompt;
  isImpure?: boolean;
  /** Whether the contents of what is there already are got anew. */
  repairs?: boolean;
  /** The URI of the store that evaluations write to, where that is another than the command's. */
  evalStore?: string;
  /** Where relative paths in arguments start, if not at the working directory. */
  baseFolder?: ByteString;
  readonly searchPath: string[];
  /** Flakes that stand for others. */
  readonly flakeOverrides: (readonly [from: string, to: string])[];
  readonly args: Map<ByteString, ArgumentSource>;
}

/** Where the value of a function's argument comes from. */
export type ArgumentSource =
  | { readonly kind: 'expression' | 'text' | 'file'; readonly text: ByteString }
  | { readonly kind: 'input' };

/** What the flags say where there are none. */
export function noArguments(): EvaluationArguments {
  return { searchPath: [], flakeOverrides: [], args: new Map() };
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
      long: 'arg-from-file',
      labels: ['name', 'path'],
      summary: 'Pass the contents of a file as an argument to functions.',
      complete: (completions, prefix, index) => (index === 1 ? completePath(completions, prefix, index) : undefined),
      apply: (name, text) => into.args.set(name, { kind: 'file', text }),
    },
    {
      long: 'arg-from-stdin',
      labels: ['name'],
      summary: 'Pass the contents of standard input as an argument to functions.',
      apply: name => into.args.set(name, { kind: 'input' }),
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
    {
      long: 'eval-store',
      labels: ['store-url'],
      summary: 'Put derivations and sources into this store.',
      apply: uri => (into.evalStore = displayBytes(uri)),
    },
    {
      long: 'override-flake',
      labels: ['original-ref', 'resolved-ref'],
      summary: 'Let the second flake be what the first stands for.',
      apply: (from, to) => into.flakeOverrides.push([displayBytes(from), displayBytes(to)]),
    },
    {
      long: 'repair',
      labels: [],
      summary: 'Get the contents anew of what is there.',
      apply: () => (into.repairs = true),
    },
  ];
}
