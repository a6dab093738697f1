/** What type a value has. */
import { force } from '../force.ts';
import { stringOfText, stringWord } from '../string.ts';
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

let intName: Word = 0;
let floatName: Word = 0;
let stringName: Word = 0;
let pathName: Word = 0;
let setName: Word = 0;
let listName: Word = 0;
let lambdaName: Word = 0;
let nullName: Word = 0;
let boolName: Word = 0;

function nameWord(name: string): Word {
  return stringWord(stringOfText(name));
}

export function makeTypeNames(): void {
  intName = nameWord('int');
  floatName = nameWord('float');
  stringName = nameWord('string');
  pathName = nameWord('path');
  setName = nameWord('set');
  listName = nameWord('list');
  lambdaName = nameWord('lambda');
  nullName = nameWord('null');
  boolName = nameWord('bool');
}

export function typeOfValue(args: usize): Word {
  const value = force(first(args), 0);
  switch (tagOf(value)) {
    case Tag.Int:
      return intName;
    case Tag.String:
      return stringName;
    case Tag.Attrs:
      return setName;
    case Tag.List:
      return listName;
    case Tag.Function:
      return lambdaName;
    case Tag.Constant:
      return value == nullWord ? nullName : boolName;
    default:
      return boxName(boxKindOf(value));
  }
}

function boxName(kind: u32): Word {
  if (kind == BoxKind.Float) return floatName;
  if (kind == BoxKind.Path) return pathName;
  return intName;
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
