import { displayBytes } from '../../base/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import type { EvalNeed, NeedAnswer } from '../needs.ts';
import { type Word, addressOf, kindOf } from '../word.ts';
import { argument, evalError, forceBool, forcePlainString, forceSet } from './arguments.ts';
import { storePathWord } from './files.ts';
import { coerceToStorePath } from './realise.ts';
import type { HostBuiltin } from './table.ts';

interface ClosureArguments {
  readonly from: string;
  readonly path: StorePath;
  /** What the path is to be called by its contents, or that this is to be found out; it stays what it is unless given. */
  readonly renamed: StorePath | 'unknown' | undefined;
  readonly isInputAddressed: boolean;
}

function fetchClosure(evaluator: Evaluator, args: number): Word {
  const given = readArguments(evaluator, args);
  const { from, path, renamed } = given;
  const need: EvalNeed = { kind: 'closure', from, path, renamed };
  const [answer] = evaluator.require([need]);
  if (answer?.kind === 'failed') throw answer.error;
  if (answer?.kind !== 'closure') throw evalError`path '${path}' is not valid`;
  requireWanted(evaluator, given, answer);
  const { storeDir } = evaluator.io;
  for (const member of answer.members ?? []) evaluator.access?.allow(printStorePath(storeDir, member));
  return storePathWord(evaluator, answer.path);
}

/** Throws where what there is now is not what was asked for. */
function requireWanted(
  { io: { storeDir } }: Evaluator,
  { path, renamed, isInputAddressed }: ClosureArguments,
  answer: Extract<NeedAnswer, { kind: 'closure' }>,
): void {
  const print = (shown: StorePath) => displayBytes(printStorePath(storeDir, shown));
  const [from, to] = [print(path), print(answer.path)];
  if (renamed === 'unknown') {
    throw evalError([
      "rewriting '",
      "' to content-addressed form yielded '",
      "'\nUse this value for the 'toPath' attribute passed to 'fetchClosure'",
    ], from, to); // prettier-ignore
  }
  if (renamed !== undefined && renamed !== answer.path) {
    throw evalError`rewriting '${from}' to content-addressed form yielded '${to}', while '${print(renamed)}' was expected`;
  }
  if (answer.isContentAddressed === !isInputAddressed) return;
  if (isInputAddressed) {
    const advice =
      "Remove the 'inputAddressed' attribute (it defaults to 'false') to expect 'fromPath' to be content-addressed";
    throw evalError(
      [
        "The store object referred to by 'fromPath' at '",
        `' is not input-addressed, but 'inputAddressed' is set to 'true'.\n\n${advice}`,
      ],
      from,
    );
  }
  if (renamed !== undefined) {
    const advice = "Set 'toPath' to an empty string to make Nix report the correct content-addressed path.";
    const reason = "is input-addressed, so it can't possibly be the result of rewriting to a content-addressed path.";
    throw evalError(["The 'toPath' value '", `' ${reason}\n\n${advice}`], to);
  }
  const note =
    'Note that to ensure authenticity input-addressed store paths, users must configure a trusted binary cache public key' +
    ' on their systems. This is not needed for content-addressed paths.';
  const advice = `If you do intend to fetch an input-addressed store path, add\n\n    inputAddressed = true;\n\nto the 'fetchClosure' arguments.\n\n${note}`;
  throw evalError(
    ["The 'fromPath' value '", `' is input-addressed, but 'inputAddressed' is set to 'false' (default).\n\n${advice}`],
    from,
  );
}

function readArguments(evaluator: Evaluator, args: number): ClosureArguments {
  const { core } = evaluator;
  const doing = 'while evaluating the argument passed to builtins.fetchClosure';
  let from: string | undefined;
  let path: StorePath | undefined;
  let renamed: StorePath | 'unknown' | undefined;
  let isInputAddressed = false;
  for (const { symbol, word, position } of core.attributes(forceSet(evaluator, argument(evaluator, args, 0), doing))) {
    const name = displayBytes(core.nameOf(symbol));
    const text = `while evaluating the attribute '${name}' passed to builtins.fetchClosure`;
    switch (name) {
      case 'fromPath':
        path = coerceToStorePath(evaluator, word, text, position);
        break;
      case 'toPath': {
        const value = core.force(word, position);
        const isEmpty = kindOf(core.memory, value) === 'string' && core.memory.string(addressOf(value)) === '';
        renamed = isEmpty ? 'unknown' : coerceToStorePath(evaluator, value, text, position);
        break;
      }
      case 'fromStore':
        from = displayBytes(forcePlainString(evaluator, word, text, position));
        break;
      case 'inputAddressed':
        isInputAddressed = forceBool(evaluator, word, text, position);
        break;
      default:
        throw evalError`attribute '${name}' isn't supported in call to 'fetchClosure'`;
    }
  }
  if (path === undefined) throw evalError`attribute '${'fromPath'}' is missing in call to 'fetchClosure'`;
  if (isInputAddressed && renamed !== undefined) {
    throw evalError`attribute '${'inputAddressed'}' is set to true, but '${'toPath'}' is also set. Please remove one of them`;
  }
  if (from === undefined) throw evalError`attribute '${'fromStore'}' is missing in call to 'fetchClosure'`;
  return { from, path, renamed, isInputAddressed };
}

export const closureBuiltins: readonly HostBuiltin[] = [
  { name: '__fetchClosure', arity: 1, features: ['fetch-closure'], call: fetchClosure },
];
