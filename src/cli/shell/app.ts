import { type ByteString, byteStringFromLatin1, byteStringFromText, displayBytes, suggest } from '../../base/index.ts';
import {
  EvalError,
  type Evaluator,
  type Word,
  addressOf,
  derivationPathOf,
  derivingPathsOf,
  kindOf,
} from '../../eval/index.ts';
import { type DerivingPath, namedOutputs, opaquePath, parsePackageName } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';

/** A program to run, and what has to be there for that. */
export interface App {
  /** Its path, in which outputs may be placeholders that are not known before they are built. */
  readonly program: ByteString;
  readonly context: readonly DerivingPath[];
}

/**
 * What of a package or app is run: of an app its `program`; of a package `bin/` and its `meta.mainProgram`, else its `pname`, else its name without the version.
 * Throws `run/wrong-type`, and what evaluating throws.
 */
export function appOf(evaluator: Evaluator, value: Word, path: string): App {
  const type = displayBytes(stringAt(evaluator, value, 'type'));
  const expected = /^(?:apps|defaultApp)(?:\.|$)/.test(path) ? 'app' : 'derivation';
  if (type !== expected) throw new CliError('run/wrong-type', `attribute '${path}' should have type '${expected}'`);
  if (type === 'app') {
    const program = find(evaluator, value, 'program');
    if (program === undefined) throw new EvalError('eval/error', `attribute '${path}.program' does not exist`);
    return { program: textOf(evaluator, program, `${path}.program`), context: derivingPathsOf(evaluator, program) };
  }
  const attrs = addressOf(evaluator.force(value));
  if (find(evaluator, value, 'drvPath') === undefined) stringAt(evaluator, value, 'drvPath');
  const derivation = derivationPathOf(evaluator, { attributePath: '', attrs });
  const outPath = stringAt(evaluator, value, 'outPath');
  const output = stringAt(evaluator, value, 'outputName');
  const name = stringAt(evaluator, value, 'name');
  const meta = find(evaluator, value, 'meta');
  const main = meta === undefined ? undefined : find(evaluator, meta, 'mainProgram');
  const pname = find(evaluator, value, 'pname');
  const program =
    main !== undefined
      ? textOf(evaluator, main, 'meta.mainProgram')
      : pname !== undefined
        ? textOf(evaluator, pname, 'pname')
        : byteStringFromText(parsePackageName(name).name);
  return {
    program: byteStringFromLatin1(`${outPath}/bin/${program}`),
    context: [{ kind: 'built', derivation: opaquePath(derivation), outputs: namedOutputs([output]) }],
  };
}

function find(evaluator: Evaluator, value: Word, name: string): Word | undefined {
  const { core } = evaluator;
  const set = evaluator.force(value);
  if (kindOf(core.memory, set) !== 'set') return undefined;
  return core.lookup(addressOf(set), core.internText(name))?.word;
}

function stringAt(evaluator: Evaluator, value: Word, name: string): ByteString {
  const found = find(evaluator, value, name);
  if (found !== undefined) return textOf(evaluator, found, name);
  const { core } = evaluator;
  const set = evaluator.force(value);
  if (kindOf(core.memory, set) !== 'set') throw new EvalError('eval/error', `attribute '${name}' does not exist`);
  const names = core
    .attributes(addressOf(evaluator.force(value)))
    .map(({ symbol }) => displayBytes(core.nameOf(symbol)));
  throw new EvalError('eval/error', `attribute '${name}' does not exist`, { suggestions: suggest(names, name) });
}

function textOf(evaluator: Evaluator, word: Word, name: string): ByteString {
  const { memory } = evaluator.core;
  const value = evaluator.force(word);
  if (kindOf(memory, value) === 'string') return memory.string(addressOf(value));
  throw new EvalError('eval/type', `'${name}' is not a string but ${evaluator.errors.describe(value)}`);
}
