/** Functions, and what an opening brace is: the arguments of a function or an attribute set. */
import { Formal, LambdaNode, NodeKind, formalSize, newNode } from './ast.ts';
import { newAttrs } from './definitions.ts';
import { documentation, token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import { allocate } from './memory.ts';
import { documentLambda, parseBindings } from './parser-attrs.ts';
import { expect, positionOf, unexpected } from './parser-state.ts';
import { parseExpression } from './parser.ts';
import { quotedName } from './print-name.ts';
import { pushScratch, scratchAt, scratchSize, truncateScratch } from './scratch.ts';
import { sortRecords } from './sort-records.ts';
import { type Symbol, intern, noSymbol } from './symbol.ts';
import { refuse } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';

const maxFormals: u32 = 65535;

/** A formal on the scratch stack: symbol, position, fallback. */
const scratchPerFormal: u32 = 3;

/** Whether `parseBrace` came upon a whole function, and not on a set that operators may follow. */
export let braceIsLambda: bool = false;

/** `name: body` or `name@{ … }: body`, from what follows the name on, which is between `start` and `end`. */
export function parseAfterName(start: usize, end: usize, doc: usize): usize {
  const node = newLambda(start);
  const lambda = changetype<LambdaNode>(node);
  const hasFormals = token == Token.At;
  advance();
  if (hasFormals) {
    expect(Token.BraceOpen);
    parseFormals(lambda, 0, 0);
    expect(Token.Colon);
  }
  lambda.body = parseExpression();
  // The reference makes the symbol when the body is complete.
  lambda.argument = intern(start, <u32>(end - start));
  finishLambda(lambda, doc);
  return node;
}

/** `{ … }: body`, `{ … }@name: body`, or `{ … }`. */
export function parseBrace(): usize {
  const start = tokenStart;
  const doc = documentation;
  advance();
  if (token == Token.Identifier) {
    const nameStart = tokenStart;
    const nameEnd = tokenEnd;
    const nameDoc = documentation;
    advance();
    if (token == Token.Comma || token == Token.Question || token == Token.BraceClose) {
      return parseFormalsLambda(start, doc, nameStart, nameEnd);
    }
    return parseSetFrom(start, nameStart, nameEnd, nameDoc);
  }
  if (token == Token.Ellipsis) return parseFormalsLambda(start, doc, 0, 0);
  if (token != Token.BraceClose) return parseSetFrom(start, 0, 0, 0);
  advance();
  if (token == Token.Colon || token == Token.At) {
    const node = newLambda(start);
    changetype<LambdaNode>(node).hasFormals = true;
    return parseAfterFormals(node, doc);
  }
  braceIsLambda = false;
  return newAttrs(positionOf(start));
}

/** A set whose first token, where it is a name, lies between `nameStart` and `nameEnd`. */
function parseSetFrom(start: usize, nameStart: usize, nameEnd: usize, doc: usize): usize {
  const node = newAttrs(positionOf(start));
  parseBindings(node, nameStart, nameEnd, doc);
  expect(Token.BraceClose);
  braceIsLambda = false;
  return node;
}

function parseFormalsLambda(start: usize, doc: usize, nameStart: usize, nameEnd: usize): usize {
  const node = newLambda(start);
  parseFormals(changetype<LambdaNode>(node), nameStart, nameEnd);
  return parseAfterFormals(node, doc);
}

/** From what follows the closing brace on. */
function parseAfterFormals(node: usize, doc: usize): usize {
  const lambda = changetype<LambdaNode>(node);
  let nameStart: usize = 0;
  let nameEnd: usize = 0;
  if (token == Token.At) {
    advance();
    nameStart = tokenStart;
    nameEnd = tokenEnd;
    expect(Token.Identifier);
  }
  expect(Token.Colon);
  lambda.body = parseExpression();
  if (nameStart != 0) lambda.argument = intern(nameStart, <u32>(nameEnd - nameStart));
  finishLambda(lambda, doc);
  braceIsLambda = true;
  return node;
}

function newLambda(start: usize): usize {
  return newNode(NodeKind.Lambda, positionOf(start), offsetof<LambdaNode>());
}

/** To the closing brace. A first name that was gone past already is between `nameStart` and `nameEnd`. */
function parseFormals(lambda: LambdaNode, nameStart: usize, nameEnd: usize): void {
  lambda.hasFormals = true;
  const from = scratchSize();
  let mayEnd = true;
  if (nameStart != 0) pushFormal(nameStart, nameEnd);
  else if (token == Token.Identifier) parseFormal();
  if (scratchSize() > from) {
    mayEnd = false;
    while (token == Token.Comma && !mayEnd) {
      advance();
      if (token == Token.Identifier) parseFormal();
      else mayEnd = true;
    }
  }
  if (token == Token.Ellipsis && mayEnd) {
    lambda.ellipsis = true;
    advance();
  }
  expect(Token.BraceClose);
  takeFormals(lambda, from);
}

function parseFormal(): void {
  const start = tokenStart;
  const end = tokenEnd;
  advance();
  pushFormal(start, end);
}

/** The formal whose name is between `start` and `end`; its fallback may follow. */
function pushFormal(start: usize, end: usize): void {
  let fallback: usize = 0;
  if (token == Token.Question) {
    advance();
    fallback = parseExpression();
  }
  pushScratch(intern(start, <u32>(end - start)));
  pushScratch(positionOf(start));
  pushScratch(<u32>fallback);
}

function takeFormals(lambda: LambdaNode, from: u32): void {
  const count = (scratchSize() - from) / scratchPerFormal;
  const block = allocate(<usize>count * formalSize);
  for (let i: u32 = 0; i < count; i++) {
    const formal = changetype<Formal>(block + <usize>i * formalSize);
    const at = from + i * scratchPerFormal;
    formal.symbol = scratchAt(at);
    formal.pos = scratchAt(at + 1);
    formal.fallback = scratchAt(at + 2);
  }
  truncateScratch(from);
  lambda.count = count;
  lambda.formals = block;
}

/** What is left when the body is complete. */
function finishLambda(lambda: LambdaNode, doc: usize): void {
  if (token == Token.Refused) unexpected();
  if (lambda.hasFormals) checkFormals(lambda);
  lambda.slots = lambda.count + (lambda.argument == noSymbol ? 0 : 1);
  if (doc != 0) documentLambda(changetype<usize>(lambda), positionOf(doc));
}

function formalAt(lambda: LambdaNode, index: u32): Formal {
  return changetype<Formal>(lambda.formals + <usize>index * formalSize);
}

/** Sorts the formals and refuses two of one name: of several the name that was met first. */
function checkFormals(lambda: LambdaNode): void {
  sortRecords(lambda.formals, lambda.count);
  for (let i: u32 = 1; i < lambda.count; i++) {
    const formal = formalAt(lambda, i);
    if (formal.symbol == formalAt(lambda, i - 1).symbol) refuseFormal(formal.symbol, formal.pos);
  }
  if (lambda.argument != noSymbol) {
    for (let i: u32 = 0; i < lambda.count; i++) {
      if (formalAt(lambda, i).symbol == lambda.argument) refuseFormal(lambda.argument, lambda.pos);
    }
  }
  if (lambda.count > maxFormals) refuse(Refusal.TooManyFormals, lambda.pos, 0, 0);
}

function refuseFormal(symbol: Symbol, pos: u32): void {
  refuse(Refusal.DuplicateFormal, pos, 0, quotedName(symbol));
}
