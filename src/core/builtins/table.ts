/** Which function a builtin's number stands for, and what it is called. */
import { callHost } from '../host.ts';
import { hostResult } from '../host-result.ts';
import type { Word } from '../value.ts';
import { genericClosure } from './closure.ts';
import { abort, addErrorContext, deepSeq, seq, throwValue, traceValue, tryEval, warnMessage } from './control.ts';
import { derivationStrict } from './derivation.ts';
import {
  all,
  any,
  concatLists,
  concatMap,
  elem,
  elemAt,
  filter,
  foldl,
  genList,
  groupBy,
  head,
  length,
  map,
  partition,
  tail,
} from './lists.ts';
import { toJson } from './json.ts';
import { add, bitAnd, bitOr, bitXor, ceilOf, divide, floorOf, lessThan, multiply, subtract } from './numbers.ts';
import {
  attrNames,
  attrValues,
  catAttrs,
  functionArgs,
  getAttr,
  hasAttr,
  intersectAttrs,
  listToAttrs,
  mapAttrs,
  removeAttrs,
  unsafeGetAttrPos,
  zipAttrsWith,
} from './sets.ts';
import { sort } from './sort.ts';
import { concatStringsSep, replaceStrings, stringLength, substring, toStringValue } from './strings.ts';
import {
  isAttrsValue,
  isBoolValue,
  isFloatValue,
  isFunctionValue,
  isIntValue,
  isListValue,
  isNull,
  isPathValue,
  isStringValue,
  typeOfValue,
} from './types.ts';
import { toXml } from './xml.ts';
import { declareBuiltin } from './base.ts';
import { Builtin, firstHostBuiltin } from './ids.ts';

/** The value of the builtin for as many words at `args` as it takes, in weak head normal form. */
export function callBuiltin(id: u32, args: usize): Word {
  switch (id) {
    case Builtin.Abort:
      return abort(args);
    case Builtin.Add:
      return add(args);
    case Builtin.AddErrorContext:
      return addErrorContext(args);
    case Builtin.All:
      return all(args);
    case Builtin.Any:
      return any(args);
    case Builtin.AttrNames:
      return attrNames(args);
    case Builtin.AttrValues:
      return attrValues(args);
    case Builtin.BitAnd:
      return bitAnd(args);
    case Builtin.BitOr:
      return bitOr(args);
    case Builtin.BitXor:
      return bitXor(args);
    case Builtin.CatAttrs:
      return catAttrs(args);
    case Builtin.Ceil:
      return ceilOf(args);
    case Builtin.ConcatLists:
      return concatLists(args);
    case Builtin.ConcatMap:
      return concatMap(args);
    case Builtin.ConcatStringsSep:
      return concatStringsSep(args);
    case Builtin.DeepSeq:
      return deepSeq(args);
    case Builtin.DerivationStrict:
      return derivationStrict(args);
    case Builtin.Div:
      return divide(args);
    case Builtin.Elem:
      return elem(args);
    case Builtin.ElemAt:
      return elemAt(args);
    case Builtin.Filter:
      return filter(args);
    case Builtin.Floor:
      return floorOf(args);
    case Builtin.FoldlStrict:
      return foldl(args);
    case Builtin.FunctionArgs:
      return functionArgs(args);
    case Builtin.GenList:
      return genList(args);
    case Builtin.GenericClosure:
      return genericClosure(args);
    case Builtin.GetAttr:
      return getAttr(args);
    case Builtin.GroupBy:
      return groupBy(args);
    case Builtin.HasAttr:
      return hasAttr(args);
    case Builtin.Head:
      return head(args);
    case Builtin.IntersectAttrs:
      return intersectAttrs(args);
    case Builtin.IsAttrs:
      return isAttrsValue(args);
    case Builtin.IsBool:
      return isBoolValue(args);
    case Builtin.IsFloat:
      return isFloatValue(args);
    case Builtin.IsFunction:
      return isFunctionValue(args);
    case Builtin.IsInt:
      return isIntValue(args);
    case Builtin.IsList:
      return isListValue(args);
    case Builtin.IsNull:
      return isNull(args);
    case Builtin.IsPath:
      return isPathValue(args);
    case Builtin.IsString:
      return isStringValue(args);
    case Builtin.Length:
      return length(args);
    case Builtin.LessThan:
      return lessThan(args);
    case Builtin.ListToAttrs:
      return listToAttrs(args);
    case Builtin.Map:
      return map(args);
    case Builtin.MapAttrs:
      return mapAttrs(args);
    case Builtin.Mul:
      return multiply(args);
    case Builtin.Partition:
      return partition(args);
    case Builtin.RemoveAttrs:
      return removeAttrs(args);
    case Builtin.ReplaceStrings:
      return replaceStrings(args);
    case Builtin.Seq:
      return seq(args);
    case Builtin.Sort:
      return sort(args);
    case Builtin.StringLength:
      return stringLength(args);
    case Builtin.Sub:
      return subtract(args);
    case Builtin.Substring:
      return substring(args);
    case Builtin.Tail:
      return tail(args);
    case Builtin.Throw:
      return throwValue(args);
    case Builtin.ToJson:
      return toJson(args);
    case Builtin.ToString:
      return toStringValue(args);
    case Builtin.ToXml:
      return toXml(args);
    case Builtin.Trace:
      return traceValue(args);
    case Builtin.TryEval:
      return tryEval(args);
    case Builtin.TypeOf:
      return typeOfValue(args);
    case Builtin.UnsafeGetAttrPos:
      return unsafeGetAttrPos(args);
    case Builtin.Warn:
      return warnMessage(args);
    case Builtin.ZipAttrsWith:
      return zipAttrsWith(args);
    default:
      return callHostBuiltin(id - firstHostBuiltin, args);
  }
}

function callHostBuiltin(id: u32, args: usize): Word {
  callHost(id, args);
  return hostResult();
}

/** Declares every builtin of the core: its name, number and how many arguments it takes. */
export function declareBuiltins(): void {
  declareBuiltin('abort', Builtin.Abort, 1);
  declareBuiltin('__add', Builtin.Add, 2);
  declareBuiltin('__addErrorContext', Builtin.AddErrorContext, 2);
  declareBuiltin('__all', Builtin.All, 2);
  declareBuiltin('__any', Builtin.Any, 2);
  declareBuiltin('__attrNames', Builtin.AttrNames, 1);
  declareBuiltin('__attrValues', Builtin.AttrValues, 1);
  declareBuiltin('__bitAnd', Builtin.BitAnd, 2);
  declareBuiltin('__bitOr', Builtin.BitOr, 2);
  declareBuiltin('__bitXor', Builtin.BitXor, 2);
  declareBuiltin('__catAttrs', Builtin.CatAttrs, 2);
  declareBuiltin('__ceil', Builtin.Ceil, 1);
  declareBuiltin('__concatLists', Builtin.ConcatLists, 1);
  declareBuiltin('__concatMap', Builtin.ConcatMap, 2);
  declareBuiltin('__concatStringsSep', Builtin.ConcatStringsSep, 2);
  declareBuiltin('__deepSeq', Builtin.DeepSeq, 2);
  declareBuiltin('derivationStrict', Builtin.DerivationStrict, 1);
  declareBuiltin('__div', Builtin.Div, 2);
  declareBuiltin('__elem', Builtin.Elem, 2);
  declareBuiltin('__elemAt', Builtin.ElemAt, 2);
  declareBuiltin('__filter', Builtin.Filter, 2);
  declareBuiltin('__floor', Builtin.Floor, 1);
  declareBuiltin("__foldl'", Builtin.FoldlStrict, 3);
  declareBuiltin('__functionArgs', Builtin.FunctionArgs, 1);
  declareBuiltin('__genList', Builtin.GenList, 2);
  declareBuiltin('__genericClosure', Builtin.GenericClosure, 1);
  declareBuiltin('__getAttr', Builtin.GetAttr, 2);
  declareBuiltin('__groupBy', Builtin.GroupBy, 2);
  declareBuiltin('__hasAttr', Builtin.HasAttr, 2);
  declareBuiltin('__head', Builtin.Head, 1);
  declareBuiltin('__intersectAttrs', Builtin.IntersectAttrs, 2);
  declareBuiltin('__isAttrs', Builtin.IsAttrs, 1);
  declareBuiltin('__isBool', Builtin.IsBool, 1);
  declareBuiltin('__isFloat', Builtin.IsFloat, 1);
  declareBuiltin('__isFunction', Builtin.IsFunction, 1);
  declareBuiltin('__isInt', Builtin.IsInt, 1);
  declareBuiltin('__isList', Builtin.IsList, 1);
  declareBuiltin('isNull', Builtin.IsNull, 1);
  declareBuiltin('__isPath', Builtin.IsPath, 1);
  declareBuiltin('__isString', Builtin.IsString, 1);
  declareBuiltin('__length', Builtin.Length, 1);
  declareBuiltin('__lessThan', Builtin.LessThan, 2);
  declareBuiltin('__listToAttrs', Builtin.ListToAttrs, 1);
  declareBuiltin('map', Builtin.Map, 2);
  declareBuiltin('__mapAttrs', Builtin.MapAttrs, 2);
  declareBuiltin('__mul', Builtin.Mul, 2);
  declareBuiltin('__partition', Builtin.Partition, 2);
  declareBuiltin('removeAttrs', Builtin.RemoveAttrs, 2);
  declareBuiltin('__replaceStrings', Builtin.ReplaceStrings, 3);
  declareBuiltin('__seq', Builtin.Seq, 2);
  declareBuiltin('__sort', Builtin.Sort, 2);
  declareBuiltin('__stringLength', Builtin.StringLength, 1);
  declareBuiltin('__sub', Builtin.Sub, 2);
  declareBuiltin('__substring', Builtin.Substring, 3);
  declareBuiltin('__tail', Builtin.Tail, 1);
  declareBuiltin('throw', Builtin.Throw, 1);
  declareBuiltin('__toJSON', Builtin.ToJson, 1);
  declareBuiltin('toString', Builtin.ToString, 1);
  declareBuiltin('__toXML', Builtin.ToXml, 1);
  declareBuiltin('__trace', Builtin.Trace, 2);
  declareBuiltin('__tryEval', Builtin.TryEval, 1);
  declareBuiltin('__typeOf', Builtin.TypeOf, 1);
  declareBuiltin('__unsafeGetAttrPos', Builtin.UnsafeGetAttrPos, 2);
  declareBuiltin('__warn', Builtin.Warn, 2);
  declareBuiltin('__zipAttrsWith', Builtin.ZipAttrsWith, 2);
}
