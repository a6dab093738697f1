/**
 * syntax: Nix text to its tree, with the messages of C++ Nix for texts that are none. Parsing itself is src/core's.
 *
 *     const core = new SyntaxCore();
 *     const tree = core.parse(Buffer.from('{ a = 1 + 2; }'), settings);
 *     core.print(tree).toString();                       // "{ a = (1 + 2); }"
 */
export type { Comment } from './comments.ts';
export { type Diagnostic, TreeNode, type TokenLeaf, type TreePart } from './concrete-tree.ts';
export { type CoreImports, type CoreKind, coreModule } from './core-module.ts';
export { NixSyntaxError, type SyntaxErrorCode, syntaxErrorCodes } from './error.ts';
export { type SyntaxFault, type Token, explainFault } from './explain.ts';
export { formatShortFloat } from './format-float.ts';
export { globalNames, globalNamesByFeature } from './global-names.ts';
export { type ParsedNix, parseNix } from './parse-nix.ts';
export { Refusal, type RefusalWords, describeRefusal } from './refusal.ts';
export {
  type Remark,
  type RemarkKind,
  describeCursedOr,
  describeLiteral,
  lintSettings,
  remarkKinds,
} from './remark.ts';
export { type ParsedSource, type Source, type SourceSettings, SourceParser } from './source-parser.ts';
export { SourceLines } from './source-lines.ts';
export { type ParseSettings, SyntaxCore, type TokenSettings, positionBase } from './syntax-core.ts';
export { type SyntaxHostAccess, syntaxHost } from './syntax-host.ts';
