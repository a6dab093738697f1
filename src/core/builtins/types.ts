/** What type a value has. */
import { force } from '../force.ts';
import { stringWord } from '../string.ts';
import { internText, nameOf } from '../symbol.ts';
import {
  BoxKind,
  Tag,
  type Word,
  boolWord,
  boxKindOf,
  falseWord,
  isBoxed,
  isInt,
  nullWord,
  tagOf,
  trueWord,
} from '../value.ts';
import { first } from './arguments.ts';

/** A name that is made once. */
function typeWord(name: string): Word {
  return stringWord(nameOf(internText(name)));
}

export function typeOfValue(args: usize): Word {
  const value = force(first(args), 0);
  switch (tagOf(value)) {
    case Tag.Int:
      return typeWord('int');
    case Tag.String:
      return typeWord('string');
    case Tag.Attrs:
      return typeWord('set');
    case Tag.List:
      return typeWord('list');
    case Tag.Function:
      return typeWord('lambda');
    case Tag.Constant:
      return typeWord(value == nullWord ? 'null' : 'bool');
    default:
      return typeWord(boxName(boxKindOf(value)));
  }
}

function boxName(kind: u32): string {
  if (kind == BoxKind.Float) return 'float';
  if (kind == BoxKind.Path) return 'path';
  return 'int';
}

export function isNull(args: usize): Word {
  return boolWord(force(first(args), 0) == nullWord);
}

export function isFunctionValue(args: usize): Word {
  return boolWord(tagOf(force(first(args), 0)) == Tag.Function);
}

export function isIntValue(args: usize): Word {
  return boolWord(isInt(force(first(args), 0)));
}

export function isFloatValue(args: usize): Word {
  return boolWord(isBoxed(force(first(args), 0), BoxKind.Float));
}

export function isStringValue(args: usize): Word {
  return boolWord(tagOf(force(first(args), 0)) == Tag.String);
}

export function isBoolValue(args: usize): Word {
  const value = force(first(args), 0);
  return boolWord(value == trueWord || value == falseWord);
}

export function isPathValue(args: usize): Word {
  return boolWord(isBoxed(force(first(args), 0), BoxKind.Path));
}

export function isAttrsValue(args: usize): Word {
  return boolWord(tagOf(force(first(args), 0)) == Tag.Attrs);
}

export function isListValue(args: usize): Word {
  return boolWord(tagOf(force(first(args), 0)) == Tag.List);
}
