import { byteStringFromText } from '../../base/index.ts';
import { mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { checkNul } from '../json/read-json.ts';
import { readToml } from '../toml/read-toml.ts';
import { TomlError } from '../toml/toml-error.ts';
import type { TomlValue } from '../toml/toml-value.ts';
import { type Word, falseWord, trueWord } from '../word.ts';
import { argument, forcePlainString } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

function fromToml(evaluator: Evaluator, args: number): Word {
  const doing = 'while evaluating the argument passed to builtins.fromTOML';
  const text = forcePlainString(evaluator, argument(evaluator, args, 0), doing);
  try {
    return wordOf(evaluator, readToml(text));
  } catch (error) {
    if (error instanceof TomlError) throw tomlFailure(error.message);
    // What the language refuses about a value is reported like what TOML refuses.
    if (error instanceof EvalError) throw tomlFailure(`error: ${error.message}`);
    throw error;
  }
}

function tomlFailure(reason: string): EvalError {
  return new EvalError('eval/error', `while parsing TOML: ${mark(reason)}`);
}

function wordOf(evaluator: Evaluator, value: TomlValue): Word {
  const { core } = evaluator;
  if (typeof value === 'string') return core.string(checkNul(value));
  if (typeof value === 'bigint') return core.int(value);
  if (typeof value === 'boolean') return value ? trueWord : falseWord;
  switch (value.kind) {
    case 'float':
      return core.float(value.value);
    case 'array':
      return core.list(value.items.map(item => wordOf(evaluator, item)));
    case 'table': {
      // C++ Nix meets the names last to first: its tables are hashed. The order in which names are met is that of sets.
      const members = [...value.members].toReversed();
      return core.set(
        members.map(([name, member]) => {
          core.intern(checkNul(name));
          return [name, wordOf(evaluator, member.value)] as const;
        }),
      );
    }
    default:
      return timestamp(evaluator, value.text);
  }
}

/** The language has no type for them: they are sets that say what they are. */
function timestamp(evaluator: Evaluator, text: string): Word {
  const { core } = evaluator;
  if (!evaluator.hasFeature('parse-toml-timestamps')) throw new TomlError('Dates and times are not supported');
  return core.set([
    [byteStringFromText('_type'), core.string(byteStringFromText('timestamp'))],
    [byteStringFromText('value'), core.string(byteStringFromText(text))],
  ]);
}

export const tomlBuiltins: readonly HostBuiltin[] = [{ name: 'fromTOML', arity: 1, call: fromToml }];
