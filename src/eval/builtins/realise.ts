import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type BuiltPath,
  type StorePath,
  formatPlaceholder,
  formatSingleDerivingPath,
  isDerivationPath,
  parseStorePath,
  parseStorePathIn,
  placeholderOf,
  printStorePath,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import { coerce } from '../core-exports.ts';
import { canonicalPathOf } from '../canonical-path.ts';
import { mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import type { EvalNeed, NeedAnswer } from '../needs.ts';
import type { Word } from '../word.ts';
import { coerceToPath, evalError, within } from './arguments.ts';
import { parseContextElement } from '../context-element.ts';

/** Changes a text in which placeholders stand for what was not built yet. */
export type Rewrite = (text: ByteString) => ByteString;

/** The error of a store path that a string depends on and that is not valid. */
export type ReportInvalid = (path: StorePath) => EvalError;

const reportInvalid: ReportInvalid = path => {
  return new EvalError('eval/invalid-path', `path '${mark(path)}' is not valid`);
};

/**
 * Sees to it that all that a string with this context depends on is there: sources are looked for, outputs are built or
 * fetched. Suspends the evaluation, and throws `eval/invalid-path`, `eval/error` and what building throws.
 */
export function realiseContext(evaluator: Evaluator, context: number, report = reportInvalid): Rewrite {
  if (context === 0) return text => text;
  const elements = evaluator.core.context(context).map(parseContextElement);
  const bases = elements.map(element => {
    return element.kind === 'built' ? unrollDerivingPath(element.derivation).base : element.path;
  });
  const answers = evaluator.require(bases.map((path): EvalNeed => ({ kind: 'validity', path })));
  for (const [index, path] of bases.entries()) if (!isThere(answers[index])) throw report(path);
  const outputs = elements.filter(element => element.kind === 'built');
  return realiseOutputs(
    evaluator,
    outputs.map(({ derivation, output }) => ({ kind: 'built', derivation, output })),
  );
}

function realiseOutputs(evaluator: Evaluator, outputs: readonly BuiltPath[]): Rewrite {
  const [first] = outputs;
  if (first === undefined) return text => text;
  const { io, importFromDerivation: permission } = evaluator;
  if (permission !== 'allowed') {
    const printed = displayBytes(formatSingleDerivingPath(io.storeDir, first));
    if (permission === 'refused') {
      const why = "during evaluation because the option 'allow-import-from-derivation' is disabled";
      throw new EvalError('eval/import-refused', `cannot build '${mark(printed)}' ${why}`);
    }
    evaluator.warn(`built '${mark(printed)}' during evaluation due to an import from derivation`);
  }
  const answers = evaluator.require(outputs.map((path): EvalNeed => ({ kind: 'output', path })));
  const places = new Map<ByteString, ByteString>();
  for (const [index, path] of outputs.entries()) {
    const answer = answers[index];
    if (!isThere(answer))
      throw evalError`path '${displayBytes(formatSingleDerivingPath(io.storeDir, path))}' is not valid`;
    for (const member of answer.closure ?? [answer.path]) evaluator.access?.allow(printStorePath(io.storeDir, member));
    if (!evaluator.hasFeature('ca-derivations')) continue;
    places.set(formatPlaceholder(placeholderOf(path)), printStorePath(io.storeDir, answer.path));
  }
  return text => {
    let rewritten: string = text;
    for (const [placeholder, place] of places) rewritten = rewritten.replaceAll(placeholder, place);
    return brandAs<ByteString>(rewritten);
  };
}

/** Throws what the answer says has failed. */
function isThere(answer: NeedAnswer | undefined): answer is Extract<NeedAnswer, { kind: 'object' }> {
  if (answer?.kind === 'failed') throw answer.error;
  return answer?.kind === 'object';
}

/**
 * The path that a value is, with all that it depends on in place. Symlinks are followed: all, those of its folders
 * (`ancestors`), or none.
 */
export function realisePath(evaluator: Evaluator, word: Word, links: 'full' | 'ancestors' | 'none'): ByteString {
  const { path, context } = coerceToPath(evaluator, word, 'while realising the context of a path');
  // Nothing can fail, so there is nothing to say: most imports are such.
  if (context === 0 && links === 'none') return path;
  const realise = () => {
    const real = context === 0 ? path : canonicalPathOf(realiseContext(evaluator, context)(path));
    return links === 'none' ? real : evaluator.files.resolve(real, links);
  };
  return within(evaluator, `while realising the context of path '${mark(displayBytes(path))}'`, realise);
}

/** Sees to it that a store object is there, fetching it if need be, unless nothing is written. Suspends the evaluation. */
export function ensurePresent(evaluator: Evaluator, path: StorePath): void {
  if (evaluator.isReadOnly) return;
  const [answer] = evaluator.require([{ kind: 'presence', path }]);
  if (!isThere(answer)) throw reportInvalid(path);
}

/** What a store object refers to, as far as that is known; nothing of paths outside the store. */
export function referencesOf(evaluator: Evaluator, path: ByteString): readonly StorePath[] {
  const object = storeObjectOf(evaluator, path);
  if (object === undefined) return [];
  const [answer] = evaluator.require([{ kind: 'validity', path: object }]);
  return answer?.kind === 'object' ? answer.references : [];
}

/** The store object that a path, or a string or set that means one, is itself. Throws `eval/error` for what is none. */
export function coerceToStorePath(evaluator: Evaluator, word: Word, text: string, position = 0): StorePath {
  const { core, io } = evaluator;
  const given = core.coerce(word, coerce.canonical, text, position).text;
  return within(
    evaluator,
    text,
    () => {
      try {
        return parseStorePathIn(io.storeDir, given);
      } catch {
        throw evalError`path '${displayBytes(given)}' is not in the Nix store`;
      }
    },
    position,
  );
}

/** The store object that a path is in; undefined outside the store. */
export function storeObjectOf(evaluator: Evaluator, path: ByteString): StorePath | undefined {
  const prefix = `${evaluator.io.storeDir}/`;
  if (!path.startsWith(prefix)) return undefined;
  const [name = ''] = path.slice(prefix.length).split('/', 1);
  try {
    return parseStorePath(name);
  } catch {
    return undefined;
  }
}

/** The store path of a valid derivation, if that is what lies at `path`. Suspends the evaluation. */
export function derivationAt(evaluator: Evaluator, path: ByteString): StorePath | undefined {
  const object = path.endsWith('.drv') ? storeObjectOf(evaluator, path) : undefined;
  const isWhole = object !== undefined && path === printStorePath(evaluator.io.storeDir, object);
  if (!isWhole || !isDerivationPath(object)) return undefined;
  return isThere(evaluator.require([{ kind: 'validity', path: object }])[0]) ? object : undefined;
}
