import { type ByteString, brandAs } from '../../base/index.ts';
import { type OutputName, type StorePath, parseStorePath } from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import { argument, evalError, forceString } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

/** What a string depends on: a store object, a derivation with all that it needs, or an output of one. */
export type ContextElement =
  | { readonly kind: 'opaque'; readonly path: StorePath }
  | { readonly kind: 'deep'; readonly path: StorePath }
  | { readonly kind: 'built'; readonly path: StorePath; readonly output: OutputName };

/** `PATH`, `=DERIVATION` or `!OUTPUT!DERIVATION`, paths without the store directory. */
export function parseContextElement(element: ByteString): ContextElement {
  if (element.startsWith('=')) return { kind: 'deep', path: parseStorePath(element.slice(1)) };
  if (!element.startsWith('!')) return { kind: 'opaque', path: parseStorePath(element) };
  const end = element.indexOf('!', 1);
  return {
    kind: 'built',
    path: parseStorePath(element.slice(end + 1)),
    output: brandAs<ByteString>(element.slice(1, end)),
  };
}

function discardContext(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const { text } = evaluator.coerceWithin(
    argument(evaluator, args, 0),
    'while evaluating the argument passed to builtins.unsafeDiscardStringContext',
  );
  return core.string(text);
}

function hasContext(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the argument passed to builtins.hasContext';
  const { context } = forceString(evaluator, argument(evaluator, args, 0), doing);
  return { low: context === 0 ? 15 : 23, high: 0 };
}

/** Every dependency on a derivation with all that it needs becomes one on the derivation alone. */
function discardOutputDependency(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const { text, context } = evaluator.coerceWithin(
    argument(evaluator, args, 0),
    'while evaluating the argument passed to builtins.unsafeDiscardOutputDependency',
  );
  const elements = core.context(context).map(element => brandAs<ByteString>(element.replace(/^=/, '')));
  return core.string(text, core.newContext(elements));
}

function addOutputDependencies(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const { text, context } = evaluator.coerceWithin(
    argument(evaluator, args, 0),
    'while evaluating the argument passed to builtins.addDrvOutputDependencies',
  );
  const [element, ...others] = core.context(context);
  if (element === undefined || others.length > 0) {
    const count = element === undefined ? 0 : others.length + 1;
    throw evalError(
      `context of string '${text}' must have exactly one element, but has ${count}`,
    );
  }
  const bare = brandAs<ByteString>(element.replace(/^=/, ''));
  return core.string(text, core.newContext([brandAs<ByteString>(`=${bare}`)]));
}

export const contextBuiltins: readonly HostBuiltin[] = [
  { name: '__unsafeDiscardStringContext', arity: 1, call: discardContext },
  { name: '__hasContext', arity: 1, call: hasContext },
  { name: '__unsafeDiscardOutputDependency', arity: 1, call: discardOutputDependency },
  { name: '__addDrvOutputDependencies', arity: 1, call: addOutputDependencies },
];

