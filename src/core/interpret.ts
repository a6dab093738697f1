/** From a node and its environment to a value. */
import {
  AttrDefinition,
  AttrKind,
  AttrsNode,
  BranchNode,
  CallNode,
  ConstantNode,
  InheritSourceNode,
  LetNode,
  ListNode,
  NodeKind,
  OperatorNode,
  VariableNode,
  WithNode,
  attrDefinitionSize,
  kindOf,
  nodeAt,
  posOf,
} from './ast.ts';
import { lookup } from './attrs.ts';
import { callBuiltin } from './builtins/table.ts';
import { calculate, isArithmetic } from './builtins/numbers.ts';
import { callFunction, callLambda1 } from './call.ts';
import { evaluateConcat } from './concat.ts';
import { positionSet } from './position.ts';
import { newEnv, setSlotAt, slotAt, upFrom } from './env.ts';
import { assertEqual } from './assert-equal.ts';
import { equalValues } from './equal.ts';
import { ErrorKind, pushText, throwError } from './error.ts';
import { evaluateAttrs } from './evaluate-attrs.ts';
import { evaluateHasAttr, evaluateSelect } from './evaluate-select.ts';
import { evaluateUpdate } from './evaluate-update.ts';
import { forceAttrs, forceList } from './coerce.ts';
import { pushSiblings } from './siblings.ts';
import { force } from './force.ts';
import { BuiltinObject, FunctionKind, functionKind, lambdaWord } from './function.ts';
import { FrameKind, dropTo, enter, isDebugging, leave, pop, push, pushStep, reserve } from './log.ts';
import {
  Tag,
  type Word,
  addressOf,
  boolWord,
  falseWord,
  listCount,
  listHeader,
  missing,
  newList,
  newThunk,
  setListAt,
  tagOf,
  trueWord,
  wordOf,
} from './value.ts';
import { Counted, tally } from './observe.ts';

/** The value of `start` in `startEnv`, in weak head normal form. */
export function evaluate(start: usize, startEnv: usize): Word {
  let node = start;
  let env = startEnv;
  // A body in tail position is gone on with here, which costs no stack.
  while (true) {
    switch (kindOf(node)) {
      case NodeKind.Constant:
        return changetype<ConstantNode>(node).value;
      case NodeKind.Variable: {
        const variable = changetype<VariableNode>(node);
        return force(slotAt(upFrom(env, variable.level), variable.index), posOf(node));
      }
      case NodeKind.WithVariable:
        return evaluateWithVariable(node, env);
      case NodeKind.InheritSource:
        return force(slotAt(env, changetype<InheritSourceNode>(node).index), posOf(node));
      case NodeKind.Select:
        return isDebugging ? evaluateSelectStep(node, env) : evaluateSelect(node, env);
      case NodeKind.HasAttr:
        return evaluateHasAttr(node, env);
      case NodeKind.Attrs:
        return evaluateAttrs(node, env);
      case NodeKind.List:
        return evaluateList(node, env);
      case NodeKind.Lambda:
        return lambdaWord(node, env);
      case NodeKind.Call:
        return evaluateCall(node, env);
      case NodeKind.Let:
        if (isDebugging) return evaluateLetStep(node, env);
        env = bindLet(node, env);
        node = changetype<LetNode>(node).body;
        break;
      case NodeKind.With: {
        const inner = newEnv(env, 1);
        setSlotAt(inner, 0, delay(changetype<WithNode>(node).attrs, env));
        env = inner;
        node = changetype<WithNode>(node).body;
        break;
      }
      case NodeKind.If: {
        const branch = changetype<BranchNode>(node);
        const isTrue = evaluateBool(branch.condition, env, posOf(node), 'while evaluating a branch condition');
        node = isTrue ? branch.first : branch.second;
        break;
      }
      case NodeKind.Assert: {
        const branch = changetype<BranchNode>(node);
        if (!evaluateBool(branch.condition, env, posOf(node), 'in the condition of the assert statement'))
          failAssertion(node, env);
        node = branch.first;
        break;
      }
      case NodeKind.Not:
        return boolWord(
          !evaluateBool(changetype<OperatorNode>(node).left, env, posOf(node), 'in the argument of the not operator'),
        );
      case NodeKind.Equal:
        return boolWord(evaluateEqual(node, env, 'while testing two values for equality'));
      case NodeKind.NotEqual:
        return boolWord(!evaluateEqual(node, env, 'while testing two values for inequality'));
      case NodeKind.And:
      case NodeKind.Or:
      case NodeKind.Implies:
        return evaluateLogic(node, env);
      case NodeKind.Update:
        return evaluateUpdate(node, env);
      case NodeKind.ConcatLists:
        return evaluateConcatLists(node, env);
      case NodeKind.ConcatStrings:
        return evaluateConcat(node, env);
      default:
        return positionSet(posOf(node));
    }
  }
}

/** A word for the node's value, which is computed when it is needed and where it is not at hand already. */
export function delay(node: usize, env: usize): Word {
  switch (kindOf(node)) {
    case NodeKind.Constant:
      tally(Counted.AvoidedThunks, 1);
      return changetype<ConstantNode>(node).value;
    case NodeKind.Variable: {
      const variable = changetype<VariableNode>(node);
      const word = slotAt(upFrom(env, variable.level), variable.index);
      if (word != 0) tally(Counted.AvoidedThunks, 1);
      // A slot that a set or `let` has not come to yet.
      return word == 0 ? newThunk(node, env) : word;
    }
    case NodeKind.List:
      return changetype<ListNode>(node).count == 0 ? wordOf(Tag.List, emptyList()) : newThunk(node, env);
    default:
      return newThunk(node, env);
  }
}

/** As `delay`, of an argument of a function. */
function delayArgument(node: usize, env: usize): Word {
  return kindOf(node) == NodeKind.Call ? delayCall(node, env) : delay(node, env);
}

/**
 * A sum or the like of small integers that are there already is computed at once: nothing can go wrong. Not so in lists, sets
 * and definitions, where a printer that evaluates nothing would show it.
 */
function delayCall(node: usize, env: usize): Word {
  const call = changetype<CallNode>(node);
  if (call.count != 2 || kindOf(call.callee) != NodeKind.Variable) return newThunk(node, env);
  const callee = knownWord(call.callee, env);
  if (tagOf(callee) != Tag.Function || functionKind(addressOf(callee)) != FunctionKind.Builtin) {
    return newThunk(node, env);
  }
  const id = changetype<BuiltinObject>(addressOf(callee)).id;
  const value = isArithmetic(id)
    ? calculate(id, knownWord(nodeAt(call.arguments, 0), env), knownWord(nodeAt(call.arguments, 1), env))
    : missing;
  return value == missing ? newThunk(node, env) : value;
}

/** What a node is without evaluating anything; `missing` where that takes more than looking. */
function knownWord(node: usize, env: usize): Word {
  if (kindOf(node) == NodeKind.Constant) return changetype<ConstantNode>(node).value;
  if (kindOf(node) != NodeKind.Variable) return missing;
  const variable = changetype<VariableNode>(node);
  const word = slotAt(upFrom(env, variable.level), variable.index);
  if (tagOf(word) != Tag.Ref) return word;
  // A slot that a set or `let` has not come to yet.
  return word == 0 ? missing : load<u64>(<usize>word);
}

let emptyListObject: usize = 0;

export function emptyList(): usize {
  if (emptyListObject == 0) emptyListObject = newList(0);
  return emptyListObject;
}

function evaluateWithVariable(node: usize, start: usize): Word {
  const variable = changetype<VariableNode>(node);
  let env = upFrom(start, variable.level);
  let scope = variable.scope;
  while (scope != 0) {
    const attrs = forceAttrs(
      slotAt(env, 0),
      posOf(scope),
      'while evaluating the first subexpression of a with expression',
    );
    const word = lookup(attrs, variable.symbol);
    if (word != missing) return force(word, posOf(node));
    const outer = changetype<WithNode>(scope);
    env = upFrom(env, outer.parentLevel);
    scope = outer.parent;
  }
  throwError(ErrorKind.UndefinedVariable, posOf(node), "undefined variable '%n1'", variable.symbol, 0);
  return 0;
}

function evaluateList(node: usize, env: usize): Word {
  const list = changetype<ListNode>(node);
  const count = list.count;
  if (count == 0) return wordOf(Tag.List, emptyList());
  const made = newList(count);
  for (let i: u32 = 0; i < count; i++) setListAt(made, i, delay(nodeAt(list.elements, i), env));
  return wordOf(Tag.List, made);
}

function evaluateCall(node: usize, env: usize): Word {
  const call = changetype<CallNode>(node);
  if (isDebugging) pushStep(FrameKind.Call, posOf(node), <u32>node, <u32>env);
  const callee = evaluate(call.callee, env);
  const count = call.count;
  const pos = posOf(node);
  if (tagOf(callee) == Tag.Function && !isDebugging) {
    // What most calls are, without the arguments passing through memory.
    const address = addressOf(callee);
    const kind = functionKind(address);
    if (kind == FunctionKind.Lambda) {
      if (count == 1 && !IS_OBSERVED) return callLambda1(address, delayArgument(nodeAt(call.arguments, 0), env), pos);
    } else if (kind == FunctionKind.Builtin && count == 2) {
      const id = changetype<BuiltinObject>(address).id;
      if (isArithmetic(id)) return evaluateArithmetic(id, call, env);
    }
  }
  const words = reserve(count, pos);
  for (let i: u32 = 0; i < count; i++)
    store<u64>(words + ((<usize>i) << 3), delayArgument(nodeAt(call.arguments, i), env));
  const value = callFunction(callee, words, count, pos);
  dropTo(words);
  if (isDebugging) pop();
  return value;
}

/** A builtin of two numbers: both are evaluated at once, which saves a thunk each. */
function evaluateArithmetic(id: u32, call: CallNode, env: usize): Word {
  const pos = call.pos;
  enter(pos);
  push(FrameKind.Builtin, pos, id, 0);
  const a = evaluate(nodeAt(call.arguments, 0), env);
  const b = evaluate(nodeAt(call.arguments, 1), env);
  let value = calculate(id, a, b);
  if (value == missing) {
    const words = reserve(2, pos);
    store<u64>(words, a);
    store<u64>(words, b, 8);
    value = callBuiltin(id, words);
    dropTo(words);
  }
  pop();
  leave();
  return value;
}

function evaluateSelectStep(node: usize, env: usize): Word {
  pushStep(FrameKind.Selection, posOf(node), <u32>node, <u32>env);
  const value = evaluateSelect(node, env);
  pop();
  return value;
}

/** A `let` with a record on the log while its body is evaluated. */
function evaluateLetStep(node: usize, env: usize): Word {
  const inner = bindLet(node, env);
  pushStep(FrameKind.Let, 0, <u32>node, <u32>inner);
  const value = evaluate(changetype<LetNode>(node).body, inner);
  pop();
  return value;
}

function bindLet(node: usize, env: usize): usize {
  const attrs = changetype<AttrsNode>(changetype<LetNode>(node).attrs);
  const inner = newEnv(env, attrs.count);
  const sources = bindSources(attrs, inner);
  let definition = attrs.definitions;
  for (let i: u32 = 0; i < attrs.count; i++, definition += attrDefinitionSize) {
    const attr = changetype<AttrDefinition>(definition);
    setSlotAt(inner, i, delay(attr.expression, environmentOf(attr.kind, inner, env, sources)));
  }
  return inner;
}

export function environmentOf(kind: AttrKind, inner: usize, outer: usize, sources: usize): usize {
  return kind == AttrKind.Plain ? inner : kind == AttrKind.Inherited ? outer : sources;
}

/** The environment of the sources of `inherit (…)`, which see `env`; 0 where there are none. */
export function bindSources(attrs: AttrsNode, env: usize): usize {
  const count = attrs.sourceCount;
  if (count == 0) return 0;
  const sources = newEnv(env, count);
  for (let i: u32 = 0; i < count; i++) setSlotAt(sources, i, delay(nodeAt(attrs.sources, i), env));
  return sources;
}

/** Evaluates `node` to a boolean; while that goes on, errors say `text`. */
function evaluateBool(node: usize, env: usize, pos: u32, text: string): bool {
  pushText(pos, text, 0);
  const value = evaluate(node, env);
  if (value != trueWord && value != falseWord)
    throwError(ErrorKind.Type, pos, 'expected a Boolean but found %t1: %v1', value, 0);
  pop();
  return value == trueWord;
}

function evaluateEqual(node: usize, env: usize, text: string): bool {
  const operator = changetype<OperatorNode>(node);
  const left = evaluate(operator.left, env);
  const right = evaluate(operator.right, env);
  return equalValues(left, right, posOf(node), text);
}

function evaluateLogic(node: usize, env: usize): Word {
  const operator = changetype<OperatorNode>(node);
  const pos = posOf(node);
  switch (kindOf(node)) {
    case NodeKind.And:
      if (!evaluateBool(operator.left, env, pos, 'in the left operand of the AND (&&) operator')) return falseWord;
      return boolWord(evaluateBool(operator.right, env, pos, 'in the right operand of the AND (&&) operator'));
    case NodeKind.Or:
      if (evaluateBool(operator.left, env, pos, 'in the left operand of the OR (||) operator')) return trueWord;
      return boolWord(evaluateBool(operator.right, env, pos, 'in the right operand of the OR (||) operator'));
    default:
      if (!evaluateBool(operator.left, env, pos, 'in the left operand of the IMPL (->) operator')) return trueWord;
      return boolWord(evaluateBool(operator.right, env, pos, 'in the right operand of the IMPL (->) operator'));
  }
}

function evaluateConcatLists(node: usize, env: usize): Word {
  const operator = changetype<OperatorNode>(node);
  const pos = posOf(node);
  pushSiblings(FrameKind.Operands, node, env);
  const left = evaluate(operator.left, env);
  pop();
  const right = evaluate(operator.right, env);
  const first = forceList(left, pos, 'while evaluating one of the elements to concatenate');
  const second = forceList(right, pos, 'while evaluating one of the elements to concatenate');
  return wordOf(Tag.List, concatTwo(first, second));
}

export function concatTwo(first: usize, second: usize): usize {
  const firstCount = listCount(first);
  const secondCount = listCount(second);
  tally(Counted.ListConcatenations, 1);
  if (secondCount == 0) return first;
  if (firstCount == 0) return second;
  const made = newList(firstCount + secondCount);
  memory.copy(made + listHeader, first + listHeader, (<usize>firstCount) << 3);
  memory.copy(made + listHeader + ((<usize>firstCount) << 3), second + listHeader, (<usize>secondCount) << 3);
  return made;
}

/** Throws. Of an equality, the host says in what the two sides differ. */
function failAssertion(node: usize, env: usize): void {
  const condition = changetype<BranchNode>(node).condition;
  let left: Word = 0;
  let right: Word = 0;
  if (kindOf(condition) == NodeKind.Equal) {
    pushText(posOf(node), "while evaluating the condition of the assertion '%e1'", <u32>condition);
    left = evaluate(changetype<OperatorNode>(condition).left, env);
    right = evaluate(changetype<OperatorNode>(condition).right, env);
    assertEqual(left, right, posOf(condition));
    pop();
  }
  throwError(ErrorKind.Assertion, posOf(node), "assertion '%e1' failed", condition, 0);
}
