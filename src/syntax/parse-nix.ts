import { byteStringFromLatin1 } from '../base/index.ts';
import { type Comment, findComments } from './comments.ts';
import { type Diagnostic, type TreeNode, buildTree, mostDiagnostics } from './concrete-tree.ts';
import { NixSyntaxError } from './error.ts';
import type { Token } from './explain.ts';
import { globalNames, globalNamesByFeature } from './global-names.ts';
import { tokenNames } from './grammar.ts';
import { Refusal, describeRefusal } from './refusal.ts';
import { SourceLines } from './source-lines.ts';
import { SyntaxCore, positionBase } from './syntax-core.ts';

export interface ParsedNix {
  /** All tokens of the text, whatever is wrong with it. */
  readonly tree: TreeNode;
  readonly comments: readonly Comment[];
  /** What is wrong, as C++ Nix words it. Empty where nothing is. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Why a token was refused, and what it would have been: by number (src/core/token.ts, Refusal). */
const refusedTokens: { readonly [reason: number]: (typeof tokenNames)[number] } = {
  2: 'integer',
  3: 'floating-point literal',
  4: 'end of path',
  6: 'string',
};

const firstReasonBit = 8;

/** A core keeps what it parses: after so many bytes another one takes its place. */
const mostMemory = 64 * 2 ** 20;

let shared: SyntaxCore | undefined;

function sharedCore(): SyntaxCore {
  if (shared === undefined || shared.memoryUsed > mostMemory) shared = new SyntaxCore();
  return shared;
}

/** Parses a text that may have any number of errors, and finds them. Never throws. Offsets are in bytes of UTF-8. */
export function parseNix(source: string | Uint8Array): ParsedNix {
  const text = typeof source === 'string' ? Buffer.from(source) : source;
  const core = sharedCore();
  const raw = core.tokenize(text);
  const refused: Diagnostic[] = [];
  const tokens = raw.map((token, index) => {
    if (token.kind >>> firstReasonBit === 0) return token;
    refused.push(describeToken(token, text));
    const { start, end } = token;
    return { kind: substituteFor(token, raw[index - 1]), start, end };
  });
  const { root, diagnostics } = buildTree(tokens);
  const found = [...refused, ...diagnostics];
  return {
    tree: root,
    comments: findComments(text, tokens),
    diagnostics: found.length > 0 ? found.toSorted((a, b) => a.start - b.start) : checkNames(core, text, tokens),
  };
}

function describeToken({ kind, start, end }: Token, text: Uint8Array): Diagnostic {
  const shown = Buffer.from(text.subarray(start, end)).toString('latin1');
  const refusal = new Refusal(kind >>> firstReasonBit, start, 0, byteStringFromLatin1(shown));
  return { message: describeRefusal(refusal, { mark: part => part, place: String }), start, end };
}

function substituteFor({ kind }: Token, before: Token | undefined): number {
  const name = refusedTokens[kind >>> firstReasonBit] ?? 'string';
  const opening = tokenNames[before?.kind ?? 0];
  const isIndented = opening === 'start of an indented string' || opening === 'indented string';
  return tokenNames.indexOf(name === 'string' && isIndented ? 'indented string' : name);
}

/** Thrown through the core once there are as many diagnostics as anybody reads. */
class Enough extends Error {}

/** What only shows once the grammar is satisfied: attributes that are defined twice, variables that nothing defines. */
function checkNames(core: SyntaxCore, text: Uint8Array, tokens: readonly Token[]): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const lines = new SourceLines(text);
  const place = (position: number) => {
    const { line, column } = lines.locate(position - positionBase, '');
    return `${line}:${column}`;
  };
  const report = (refusal: Refusal): void => {
    const start = Math.max(0, refusal.position - positionBase);
    const message = describeRefusal(refusal, { mark: part => part, place });
    diagnostics.push({ message, start, end: endOfToken(tokens, start) });
    if (diagnostics.length === mostDiagnostics) throw new Enough();
  };
  const names = [...globalNames, ...globalNamesByFeature.map(({ name }) => name)];
  const root = byteStringFromLatin1('/');
  const settings = { basePath: root, homePath: root, allowsPipes: true, lints: [], onRemark: () => undefined };
  try {
    core.bind(core.parse(text, settings), core.newEnvironment(names), report);
  } catch (error) {
    if (error instanceof Refusal) report(error);
    else if (error instanceof NixSyntaxError) diagnostics.push({ message: error.message, start: 0, end: 0 });
    else if (!(error instanceof Enough)) throw error;
  }
  return diagnostics;
}

function endOfToken(tokens: readonly Token[], start: number): number {
  let low = 0;
  let high = tokens.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((tokens[middle]?.end ?? 0) <= start) low = middle + 1;
    else high = middle;
  }
  return tokens[low]?.end ?? start;
}
