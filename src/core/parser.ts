/**
 * Tokens to the syntax tree, by recursive descent: whole expressions. Names in the tree are not bound yet (binder.ts). It is
 * the reference's tree, which has less than the text: parentheses leave no trace, operators such as `-` and `<` are calls of
 * variables.
 *
 * A text that is refused ends in the host's `refuse`, which throws. What the reference checks when it reduces by a rule is
 * checked here when that rule's text is complete, so that of several faults the same one is reported.
 */
import { AttrsNode, BranchNode, LetNode, NodeKind, WithNode, newNode } from './ast.ts';
import { newAttrs } from './definitions.ts';
import { documentation, token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import { applyTo, blockOf } from './make-node.ts';
import { parseBindings } from './parser-attrs.ts';
import { braceIsLambda, parseAfterName, parseBrace } from './parser-lambda.ts';
import { parseLetSet, parseOperation, parseOperationAfter } from './parser-operators.ts';
import { expect, positionOf, startParser, unexpected } from './parser-state.ts';
import { truncateScratch } from './scratch.ts';
import { refuse } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';

/** The tree of `length` bytes at `start`, which two zero bytes follow. `options` is a ParseOptions. */
export function parseText(start: usize, length: u32, options: usize): usize {
  // A text that was refused has left its parts.
  truncateScratch(0);
  startParser(start, length, options);
  let tree: usize;
  if (token == Token.ReplBindings) {
    advance();
    tree = newAttrs(0);
    if (token == Token.EndOfFile) unexpected();
    parseBindings(tree, 0, 0);
  } else {
    tree = parseExpression();
  }
  if (token != Token.EndOfFile) unexpected();
  return tree;
}

export function parseExpression(): usize {
  switch (token) {
    case Token.Identifier:
      return parseFromName();
    case Token.BraceOpen:
      return parseFromBrace();
    case Token.Let:
      return parseLet();
    case Token.If:
      return parseIf();
    case Token.With:
      return parseWith();
    case Token.Assert:
      return parseAssert();
    default:
      return parsePipes(parseOperation(0));
  }
}

/** A name is a function's argument if a colon or an at sign follows. */
function parseFromName(): usize {
  const start = tokenStart;
  const end = tokenEnd;
  const doc = documentation;
  advance();
  if (token == Token.Colon || token == Token.At) return parseAfterName(start, end, doc);
  return parsePipes(parseOperationAfter(start, end, 0));
}

function parseFromBrace(): usize {
  const start = tokenStart;
  const node = parseBrace();
  return braceIsLambda ? node : parsePipes(parseOperationAfter(start, 0, node));
}

function parsePipes(first: usize): usize {
  if (token == Token.PipeFrom) {
    const pos = positionOf(tokenStart);
    advance();
    const argument = parseOperation(0);
    return applyTo(first, pos, 1, blockOf(token == Token.PipeFrom ? parsePipes(argument) : argument));
  }
  let node = first;
  while (token == Token.PipeInto) {
    const pos = positionOf(tokenStart);
    advance();
    node = applyTo(parseOperation(0), pos, 1, blockOf(node));
  }
  return node;
}

function parseLet(): usize {
  const start = tokenStart;
  advance();
  if (token == Token.BraceOpen) return parsePipes(parseOperationAfter(start, 0, parseLetSet(start)));
  const attrs = newAttrs(0);
  changetype<AttrsNode>(attrs).isRecursive = true;
  parseBindings(attrs, 0, 0);
  expect(Token.In);
  const body = parseExpression();
  if (token == Token.Refused) unexpected();
  if (changetype<AttrsNode>(attrs).dynamicCount > 0) refuse(Refusal.DynamicLet, positionOf(start), 0, 0);
  const node = newNode(NodeKind.Let, 0, offsetof<LetNode>());
  changetype<LetNode>(node).attrs = attrs;
  changetype<LetNode>(node).body = body;
  return node;
}

function parseIf(): usize {
  const node = newNode(NodeKind.If, positionOf(tokenStart), offsetof<BranchNode>());
  const branch = changetype<BranchNode>(node);
  advance();
  branch.condition = parseExpression();
  expect(Token.Then);
  branch.first = parseExpression();
  expect(Token.Else);
  branch.second = parseExpression();
  return node;
}

function parseAssert(): usize {
  const node = newNode(NodeKind.Assert, positionOf(tokenStart), offsetof<BranchNode>());
  advance();
  changetype<BranchNode>(node).condition = parseExpression();
  expect(Token.Semicolon);
  changetype<BranchNode>(node).first = parseExpression();
  return node;
}

function parseWith(): usize {
  const node = newNode(NodeKind.With, positionOf(tokenStart), offsetof<WithNode>());
  advance();
  changetype<WithNode>(node).attrs = parseExpression();
  expect(Token.Semicolon);
  changetype<WithNode>(node).body = parseExpression();
  return node;
}
