/** The text's own tree, for editors and formatters: all tokens in it, and a way on after every error. */
import { type Automaton, type Stack, languageAutomaton, nextAction, stateAfter } from './automaton.ts';
import { type Token, describeFault, placeOf } from './explain.ts';
import { endOfFile, tokenNames } from './grammar.ts';
import { findRepair, fits, tokensThatFit } from './recovery.ts';

/** A token of the text; one that is missing there has no length. Offsets are in bytes. */
export interface TokenLeaf {
  readonly kind: 'token';
  /** As messages call it: `identifier`, `'if'`. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly isMissing: boolean;
}

/** What a rule of the grammar makes of tokens and other nodes; `error` for tokens that fit nowhere. */
export class TreeNode {
  readonly kind = 'node';
  /** As in grammar.ts: `function`, `bindings`, `operation`. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  #children: readonly TreePart[];
  #isFlat = false;

  constructor(name: string, place: { readonly start: number; readonly end: number }, children: readonly TreePart[]) {
    this.name = name;
    this.start = place.start;
    this.end = place.end;
    this.#children = children;
  }

  /** Lists are made of a shorter one and an element; here they are flat. */
  get children(): readonly TreePart[] {
    if (this.#isFlat || !lists.has(this.name)) return this.#children;
    const pieces = [this.#children];
    let [first] = this.#children;
    while (first instanceof TreeNode && first.name === this.name) {
      pieces[pieces.length - 1] = pieces.at(-1)?.slice(1) ?? [];
      pieces.push(first.#children);
      if (first.#isFlat) break;
      [first] = first.#children;
    }
    this.#children = pieces.toReversed().flat();
    this.#isFlat = true;
    return this.#children;
  }
}

/** What may be made of a shorter one of itself and one part more. */
const lists = new Set(['bindings', 'names', 'attrPath', 'list', 'formals', 'interpolatedParts', 'indentedParts']);

export type TreePart = TokenLeaf | TreeNode;

export interface Diagnostic {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

export interface ConcreteTree {
  readonly root: TreeNode;
  readonly diagnostics: readonly Diagnostic[];
}

const path = tokenNames.indexOf('path');
const homePath = tokenNames.indexOf("'~/…' path");
const endOfPath = tokenNames.indexOf('end of path');
const semicolon = tokenNames.indexOf("';'");

/** After so many errors the rest of the text is left out, and no more are looked for. */
export const mostDiagnostics = 100;

interface Frame extends Stack {
  readonly part: TreePart | undefined;
  readonly below: Frame | undefined;
}

/** The tree of a text's tokens, of which the last is the end of the file. */
export function buildTree(tokens: readonly Token[]): ConcreteTree {
  const builder = new TreeBuilder(languageAutomaton());
  for (let at = 0; at < tokens.length && !builder.isComplete; at++) builder.take(tokens, at);
  return { root: builder.finish(tokens.at(-1)?.end ?? 0), diagnostics: builder.diagnostics };
}

class TreeBuilder {
  readonly #automaton: Automaton;
  readonly diagnostics: Diagnostic[] = [];
  #top: Frame = { state: 0, below: undefined, part: undefined };
  /** The stack before the last token that fitted. */
  #beforeLast: Frame = this.#top;
  /** Whether the last path was left out. */
  #droppedPath = false;
  /** Where the last token ends. */
  #end = 0;
  isComplete = false;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  /** Takes the token at an index; those behind it help to find a way on where it does not fit. */
  take(tokens: readonly Token[], at: number): void {
    const token = tokens[at];
    if (token === undefined) return;
    if (this.diagnostics.length >= mostDiagnostics) {
      this.isComplete = true;
      return;
    }
    // That of a path that is left out is no error of its own.
    if (token.kind === endOfPath && this.#droppedPath) {
      this.#droppedPath = false;
      return;
    }
    let repairs = 0;
    let before = this.#top;
    const last = tokens[at - 1];
    while (!this.#shift(token.kind, token, false)) {
      if (repairs === 0) this.#report(token);
      // What was reduced on the way to the error may not be what was meant.
      this.#top = before;
      if (repairs === 0 && last !== undefined && this.#separate(last, tokens, at)) {
        before = this.#top;
        repairs++;
        continue;
      }
      const next = tokens.slice(at, at + 4).map(({ kind }) => kind);
      const repair = findRepair(this.#automaton, this.#top, next);
      const start = Math.max(placeOf(token), this.#end);
      const place = { kind: token.kind, start, end: start };
      repairs++;
      if (repair.kind === 'insert' && repairs < 3) {
        this.#shift(repair.token, place, true);
        before = this.#top;
      } else if (repair.kind === 'replace') {
        this.#shift(repair.token, place, true);
        this.#drop(token);
        return;
      } else {
        this.#drop(token);
        return;
      }
    }
    this.#beforeLast = before;
    this.isComplete = token.kind === endOfFile;
  }

  /** Puts a semicolon before the last token where that makes sense of it: in `{ a = 1 b = 2; }` it is missed late. */
  #separate(last: Token, tokens: readonly Token[], at: number): boolean {
    const next = tokens.slice(at, at + tokensThatFit).map(({ kind }) => kind);
    if (!fits(this.#automaton, this.#beforeLast, [semicolon, last.kind, ...next])) return false;
    this.#top = this.#beforeLast;
    this.#end = Math.min(this.#end, last.start);
    this.#shift(semicolon, { kind: semicolon, start: last.start, end: last.start }, true);
    return this.#shift(last.kind, last, false);
  }

  #report(token: Token): void {
    const start = placeOf(token);
    const message = describeFault(this.#automaton, this.#refusing(token.kind), token.kind);
    this.diagnostics.push({ message, start, end: Math.max(start, token.end) });
  }

  /** The state that refuses a token, after the reductions that come before that. */
  #refusing(token: number): number {
    while (this.#reduced(token));
    return this.#top.state;
  }

  /** Takes a token that fits, after what has to be reduced before it. */
  #shift(kind: number, { start, end }: Token, isMissing: boolean): boolean {
    while (this.#reduced(kind));
    const action = nextAction(this.#automaton, this.#top.state, kind);
    if (action?.kind !== 'shift') return false;
    const place = isMark(kind) ? { start: this.#end, end: this.#end } : { start, end };
    const leaf: TokenLeaf = { kind: 'token', name: tokenNames[kind] ?? '', ...place, isMissing };
    this.#end = Math.max(this.#end, place.end);
    this.#top = { state: action.state, below: this.#top, part: leaf };
    return true;
  }

  #reduced(kind: number): boolean {
    const action = nextAction(this.#automaton, this.#top.state, kind);
    const rule = action?.kind === 'reduce' ? this.#automaton.rules[action.rule] : undefined;
    if (rule === undefined) return false;
    const children: TreePart[] = [];
    let below = this.#top;
    for (const _ of rule.parts) {
      if (below.part !== undefined) children.push(below.part);
      below = below.below ?? below;
    }
    const part = makeNode(rule.name, children.toReversed(), this.#top.part?.end ?? 0);
    this.#top = { state: stateAfter(this.#automaton, below.state, rule), below, part };
    return true;
  }

  /** Keeps a token that fits nowhere with what is before it. */
  #drop({ kind, start, end }: Token): void {
    if (kind === endOfFile) {
      this.isComplete = true;
      return;
    }
    if (isMark(kind)) return;
    this.#droppedPath = kind === path || kind === homePath;
    const leaf: TokenLeaf = { kind: 'token', name: tokenNames[kind] ?? '', start, end, isMissing: false };
    this.#end = Math.max(this.#end, end);
    const before = this.#top.part;
    const isError = before?.kind === 'node' && before.name === 'error';
    const kept = before === undefined ? [] : isError ? before.children : [before];
    const node = new TreeNode('error', { start: before?.start ?? start, end }, [...kept, leaf]);
    this.#top = { ...this.#top, part: node };
  }

  finish(end: number): TreeNode {
    const parts: TreePart[] = [];
    for (let at: Frame | undefined = this.#top; at !== undefined; at = at.below) {
      if (at.part !== undefined) parts.push(at.part);
    }
    return new TreeNode('text', { start: 0, end }, parts.toReversed());
  }
}

/** Tokens without text of their own: messages have them where the last one is. */
function isMark(token: number): boolean {
  return token === endOfFile || token === endOfPath;
}

/** A node, except that what only passes another node on is that node. */
function makeNode(name: string, children: readonly TreePart[], place: number): TreePart {
  const [first] = children;
  if (children.length === 1 && first?.kind === 'node') return first;
  return new TreeNode(name, { start: first?.start ?? place, end: children.at(-1)?.end ?? place }, children);
}
