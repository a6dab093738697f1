import { byteStringFromLatin1 } from '../../../src/base/index.ts';
import {
  NixSyntaxError,
  SourceParser,
  SyntaxCore,
  type TreePart,
  explainFault,
  globalNames,
  parseNix,
} from '../../../src/syntax/index.ts';
import { readSyntaxVectors } from '../../../src/testing/index.ts';
import { type Target, Violation, seed } from '../target.ts';

const words = [
  ['if', 'then', 'else', 'assert', 'with', 'let', 'in', 'rec', 'inherit', 'or', '...', '${', '"', "''", "''$", "'''"],
  ['==', '!=', '<=', '>=', '&&', '||', '->', '//', '++', '<|', '|>', '{', '}', '[', ']', '(', ')', '@', ':', ';', '.'],
  ['./a', '/b/c', '~/x', '<a/b>', 'http://x.y', '/*', '*/', '/** ', '#', '\n', '\r\n', '\\', '1.5e3', '__curPos', '-'],
].flat();

/** A core keeps what it parses: after so many bytes another one takes its place. */
const mostMemory = 64 * 2 ** 20;

const folder = byteStringFromLatin1('/folder');

let parser: SourceParser | undefined;
let core = new SyntaxCore();

function freshParser(): SourceParser {
  if (parser !== undefined && core.memoryUsed < mostMemory) return parser;
  core = new SyntaxCore();
  parser = new SourceParser(core, globalNames, {
    homePath: () => folder,
    allowsPipes: true,
    diagnose: {
      'lint-url-literals': 'warn',
      'lint-absolute-path-literals': 'warn',
      'lint-short-path-literals': 'warn',
    },
    warn: () => undefined,
    mark: text => text,
    emphasise: text => text,
  });
  return parser;
}

/** The parser and the automaton are two descriptions of one language. */
function compareGrammars(input: Uint8Array, error: unknown): void {
  const fault = explainFault(core.tokenize(input));
  if (error === undefined && fault !== undefined) throw new Violation('is taken, but not by the grammar');
  if (!(error instanceof NixSyntaxError) || error.code !== 'syntax/unexpected-token') return;
  if (fault === undefined) throw new Violation('is refused, but not by the grammar');
  if (fault.message !== error.message) throw new Violation('is refused with another message');
}

/** The tokens of a tree are those of the text, each after the other. */
function checkOrder(tree: TreePart): void {
  let end = 0;
  const waiting: TreePart[] = [tree];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part.kind === 'node') {
      for (const child of part.children.toReversed()) waiting.push(child);
      continue;
    }
    if (part.start < end && part.name !== 'end of path') throw new Violation('has tokens that overlap');
    end = Math.max(end, part.end);
  }
}

export const syntaxTargets: readonly Target[] = [
  {
    name: 'nix-expression',
    weight: 4,
    flavour: 'text',
    seeds: () => [...readSyntaxVectors().map(({ text }) => Buffer.from(text)), seed('['.repeat(2000))],
    dictionary: words,
    run(input) {
      let result: Buffer | undefined;
      let failure: unknown;
      try {
        const { tree } = freshParser().parse({ text: input, file: 'input', basePath: folder });
        result = core.print(tree);
      } catch (error) {
        failure = error;
      }
      compareGrammars(input, failure);
      const { tree, diagnostics } = parseNix(input);
      checkOrder(tree);
      // To print a tree takes more of the stack than to bind it.
      const isTooDeep = failure instanceof NixSyntaxError && failure.code === 'syntax/too-deep';
      if (result === undefined && !isTooDeep && diagnostics.length === 0)
        throw new Violation('is refused without a diagnostic');
      if (failure === undefined) return result?.toString('latin1');
      // Messages mention names and texts of any length, as those of C++ Nix do.
      if (!(failure instanceof NixSyntaxError)) throw failure;
      return { code: failure.code, offset: failure.offset };
    },
  },
];
