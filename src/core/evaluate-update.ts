/** `a // b // c`, from the right, as errors in several operands are met in that order. */
import { NodeKind, OperatorNode, kindOf, posOf } from './ast.ts';
import { attrsCount, attrsWord, update } from './attrs.ts';
import { ErrorKind, pushText, throwError } from './error.ts';
import { evaluate } from './interpret.ts';
import { FrameKind, pop } from './log.ts';
import { pushSiblings } from './siblings.ts';
import { Tag, type Word, addressOf, tagOf } from './value.ts';
import { Counted, tally } from './observe.ts';

export function evaluateUpdate(node: usize, env: usize): Word {
  const operator = changetype<OperatorNode>(node);
  pushSiblings(FrameKind.Operands, node, env);
  const right = operand(operator.right, env, 'in the right operand of the update (//) operator');
  pop();
  const left = operand(operator.left, env, 'in the left operand of the update (//) operator');
  const result = update(left, right);
  tally(Counted.Updates, 1);
  tally(Counted.UpdateValues, attrsCount(result));
  return attrsWord(result);
}

/** Operands that are updates themselves have no line of their own in a trace. */
function operand(node: usize, env: usize, text: string): usize {
  if (kindOf(node) == NodeKind.Update) return addressOf(evaluateUpdate(node, env));
  pushText(posOf(node), text, 0);
  const value = evaluate(node, env);
  if (tagOf(value) != Tag.Attrs) throwError(ErrorKind.Type, 0, 'expected a set but found %t1: %v1', value, 0);
  pop();
  return addressOf(value);
}
