/** Operators by precedence, application, selection, and what they start from. */
import { AttrsNode, ConcatNode, ConcatPart, NodeKind, SelectNode, concatPartSize, newNode, posOf } from './ast.ts';
import { newAttrs } from './definitions.ts';
import { float, integer, token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import {
  applyTo,
  blockOf,
  makeCall,
  makeConstant,
  makeList,
  makeName,
  makeOperator,
  makeOperatorCall,
  makeSelect,
} from './make-node.ts';
import { allocate } from './memory.ts';
import { attrPathLength, parseAttrPath } from './parser-attr-path.ts';
import { parseBindings } from './parser-attrs.ts';
import { parseHomePath, parsePath, parseSearchPath, parseUri } from './parser-path.ts';
import {
  bodySymbol,
  divSymbol,
  expect,
  lessThanSymbol,
  mulSymbol,
  orSymbol,
  positionOf,
  Remark,
  remarkOn,
  subSymbol,
  unexpected,
} from './parser-state.ts';
import { parseIndentedString, parseString } from './parser-string.ts';
import { parseExpression } from './parser.ts';
import { pushScratch, scratchSize, takeScratch } from './scratch.ts';
import { intern } from './symbol.ts';
import { Token } from './token.ts';
import { floatWord, intWord } from './value.ts';

/** From weak to strong. */
const enum Precedence {
  None = 0,
  Implies,
  Or,
  And,
  Equality,
  Comparison,
  Update,
  Not,
  Sum,
  Product,
  Concat,
  HasAttr,
  Negate,
  Application,
}

function precedenceOf(operator: Token): Precedence {
  switch (operator) {
    case Token.Implies:
      return Precedence.Implies;
    case Token.Or:
      return Precedence.Or;
    case Token.And:
      return Precedence.And;
    case Token.Equal:
    case Token.NotEqual:
      return Precedence.Equality;
    case Token.Less:
    case Token.Greater:
    case Token.LessOrEqual:
    case Token.GreaterOrEqual:
      return Precedence.Comparison;
    case Token.Update:
      return Precedence.Update;
    case Token.Plus:
    case Token.Minus:
      return Precedence.Sum;
    case Token.Times:
    case Token.Divide:
      return Precedence.Product;
    case Token.Concat:
      return Precedence.Concat;
    case Token.Question:
      return Precedence.HasAttr;
    default:
      return Precedence.None;
  }
}

function isRightAssociative(precedence: Precedence): bool {
  return precedence == Precedence.Implies || precedence == Precedence.Update || precedence == Precedence.Concat;
}

function isNotAssociative(precedence: Precedence): bool {
  return precedence == Precedence.Equality || precedence == Precedence.Comparison;
}

/** Operands with operators of at least this precedence between them. */
export function parseOperation(weakest: u32): usize {
  const start = tokenStart;
  if (token == Token.Exclamation) {
    advance();
    const operand = parseOperation(Precedence.Not + 1);
    return parseOperators(makeOperator(NodeKind.Not, posOf(operand), operand, 0), start, weakest);
  }
  if (token == Token.Minus) {
    advance();
    const operand = parseOperation(Precedence.Negate + 1);
    const zero = makeConstant(intWord(0));
    return parseOperators(makeOperatorCall(positionOf(start), subSymbol, zero, operand), start, weakest);
  }
  return parseOperators(parseApplication(parseSelection(), start), start, weakest);
}

/** An operation that begins with what is parsed already: `simple`, or where that is 0 the name between `start` and `end`. */
export function parseOperationAfter(start: usize, end: usize, simple: usize): usize {
  const first = simple == 0 ? nameBetween(start, end) : simple;
  return parseOperators(parseApplication(parseSelectionFrom(first, start), start), start, 0);
}

/** `start` is where `first` begins. */
function parseOperators(first: usize, start: usize, weakest: u32): usize {
  let left = first;
  let precedence = precedenceOf(token);
  while (precedence != Precedence.None && <u32>precedence >= weakest) {
    const operator = token;
    const place = tokenStart;
    advance();
    if (operator == Token.Question) {
      left = parseHasAttr(left);
    } else {
      const rightStart = tokenStart;
      const right = parseOperation(isRightAssociative(precedence) ? precedence : precedence + 1);
      left =
        operator == Token.Plus
          ? makeSum(place, start, left, rightStart, right)
          : makeOperation(operator, positionOf(place), left, right);
      if (isNotAssociative(precedence) && precedenceOf(token) == precedence) unexpected();
    }
    precedence = precedenceOf(token);
  }
  return left;
}

function makeOperation(operator: Token, pos: u32, left: usize, right: usize): usize {
  switch (operator) {
    case Token.Implies:
      return makeOperator(NodeKind.Implies, pos, left, right);
    case Token.Or:
      return makeOperator(NodeKind.Or, pos, left, right);
    case Token.And:
      return makeOperator(NodeKind.And, pos, left, right);
    // The reference notes no place of these two.
    case Token.Equal:
      return makeOperator(NodeKind.Equal, 0, left, right);
    case Token.NotEqual:
      return makeOperator(NodeKind.NotEqual, 0, left, right);
    case Token.Less:
      return makeOperatorCall(pos, lessThanSymbol, left, right);
    case Token.Greater:
      return makeOperatorCall(pos, lessThanSymbol, right, left);
    case Token.LessOrEqual:
      return makeOperator(NodeKind.Not, pos, makeOperatorCall(pos, lessThanSymbol, right, left), 0);
    case Token.GreaterOrEqual:
      return makeOperator(NodeKind.Not, pos, makeOperatorCall(pos, lessThanSymbol, left, right), 0);
    case Token.Update:
      return makeOperator(NodeKind.Update, pos, left, right);
    case Token.Minus:
      return makeOperatorCall(pos, subSymbol, left, right);
    case Token.Times:
      return makeOperatorCall(pos, mulSymbol, left, right);
    case Token.Divide:
      return makeOperatorCall(pos, divSymbol, left, right);
    default:
      return makeOperator(NodeKind.ConcatLists, pos, left, right);
  }
}

function makeSum(place: usize, leftStart: usize, left: usize, rightStart: usize, right: usize): usize {
  const node = newNode(NodeKind.ConcatStrings, positionOf(place), offsetof<ConcatNode>());
  const parts = allocate(2 * concatPartSize);
  const first = changetype<ConcatPart>(parts);
  first.pos = positionOf(leftStart);
  first.expression = left;
  const second = changetype<ConcatPart>(parts + concatPartSize);
  second.pos = positionOf(rightStart);
  second.expression = right;
  changetype<ConcatNode>(node).count = 2;
  changetype<ConcatNode>(node).parts = parts;
  return node;
}

function parseHasAttr(subject: usize): usize {
  const elements = parseAttrPath();
  const node = newNode(NodeKind.HasAttr, posOf(subject), offsetof<SelectNode>());
  const select = changetype<SelectNode>(node);
  select.subject = subject;
  select.count = attrPathLength;
  select.elements = elements;
  return node;
}

// Application and selection

/** Where the selection that was parsed last ends, if it is `name or`, whose meaning will change; 0 otherwise. */
let cursedEnd: usize = 0;

function startsSimple(candidate: Token): bool {
  const starters: u64 =
    ((<u64>1) << Token.Identifier) |
    ((<u64>1) << Token.Integer) |
    ((<u64>1) << Token.Float) |
    ((<u64>1) << Token.Path) |
    ((<u64>1) << Token.HomePath) |
    ((<u64>1) << Token.SearchPath) |
    ((<u64>1) << Token.Uri) |
    ((<u64>1) << Token.Let) |
    ((<u64>1) << Token.Rec) |
    ((<u64>1) << Token.IndentedOpen) |
    ((<u64>1) << Token.Quote) |
    ((<u64>1) << Token.ParenOpen) |
    ((<u64>1) << Token.BraceOpen) |
    ((<u64>1) << Token.BracketOpen);
  return ((starters >>> candidate) & 1) != 0;
}

function parseApplication(callee: usize, start: usize): usize {
  if (!startsSimple(token)) return callee;
  const from = scratchSize();
  while (startsSimple(token)) pushScratch(<u32>parseArgument());
  const count = scratchSize() - from;
  return applyTo(callee, positionOf(start), count, takeScratch(from));
}

/** A selection that stands beside others, where `f x or` is not what it seems. */
function parseArgument(): usize {
  const start = tokenStart;
  const argument = parseSelection();
  if (cursedEnd != 0) remarkOn(Remark.CursedOr, start, cursedEnd);
  return argument;
}

function parseSelection(): usize {
  const start = tokenStart;
  return parseSelectionFrom(parseSimple(), start);
}

function parseSelectionFrom(subject: usize, start: usize): usize {
  cursedEnd = 0;
  if (token == Token.OrKeyword) {
    const end = tokenEnd;
    const pos = positionOf(start);
    advance();
    cursedEnd = end;
    return makeCall(pos, subject, 1, blockOf(makeName(orSymbol, pos)));
  }
  if (token != Token.Dot) return subject;
  advance();
  const elements = parseAttrPath();
  const node = newNode(NodeKind.Select, positionOf(start), offsetof<SelectNode>());
  const select = changetype<SelectNode>(node);
  select.subject = subject;
  select.count = attrPathLength;
  select.elements = elements;
  if (token == Token.OrKeyword) {
    advance();
    select.fallback = parseArgument();
  }
  cursedEnd = 0;
  return node;
}

function parseSimple(): usize {
  const start = tokenStart;
  switch (token) {
    case Token.Identifier: {
      const end = tokenEnd;
      advance();
      return nameBetween(start, end);
    }
    case Token.Integer: {
      const node = makeConstant(intWord(integer));
      advance();
      return node;
    }
    case Token.Float: {
      const node = makeConstant(floatWord(float));
      advance();
      return node;
    }
    case Token.Quote:
      return parseString();
    case Token.IndentedOpen:
      return parseIndentedString();
    case Token.Path:
      return parsePath();
    case Token.HomePath:
      return parseHomePath();
    case Token.SearchPath:
      return parseSearchPath();
    case Token.Uri:
      return parseUri();
    case Token.ParenOpen: {
      advance();
      const inner = parseExpression();
      expect(Token.ParenClose);
      return inner;
    }
    case Token.BracketOpen:
      return parseList();
    case Token.BraceOpen:
      return parseSet(start, false);
    case Token.Rec:
      advance();
      return parseSet(start, true);
    case Token.Let:
      advance();
      return parseLetSet(start);
    default:
      unexpected();
      return 0;
  }
}

/** `__curPos` is no variable. */
function nameBetween(start: usize, end: usize): usize {
  if (end - start == 8 && load<u64>(start) == 0x736f507275635f5f) {
    return newNode(NodeKind.Position, positionOf(start), 8);
  }
  return makeName(intern(start, <u32>(end - start)), positionOf(start));
}

function parseList(): usize {
  advance();
  const from = scratchSize();
  while (startsSimple(token)) pushScratch(<u32>parseArgument());
  const count = scratchSize() - from;
  expect(Token.BracketClose);
  const elements = takeScratch(from);
  return makeList(count == 0 ? 0 : posOf(load<usize>(elements)), count, elements);
}

/** From the brace on. `start` is where `rec` is, or the brace. */
function parseSet(start: usize, isRecursive: bool): usize {
  const node = newAttrs(positionOf(start));
  changetype<AttrsNode>(node).isRecursive = isRecursive;
  expect(Token.BraceOpen);
  parseBindings(node, 0, 0);
  expect(Token.BraceClose);
  return node;
}

/** `let { …; body = e; }`, from the brace on: a recursive set's attribute `body`. */
export function parseLetSet(start: usize): usize {
  return makeSelect(0, parseSet(start, true), bodySymbol);
}
