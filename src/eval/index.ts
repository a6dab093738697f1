/**
 * eval: Nix expressions to values. The core (src/core) parses and evaluates; this is the host around it, which meets the
 * world through `EvalIO` alone.
 *
 *     const evaluator = new Evaluator({ io, system: 'x86_64-linux' });
 *     const tree = evaluator.parse(Buffer.from('1 + 2'), { kind: 'text', name: '«string»' }, folder);
 *     evaluator.print(evaluator.evaluate(tree));           // "3"
 */
export { type FlakeToCall, type FlakeTree, callFlake } from './call-flake.ts';
export { derivingPathsOf } from './context-paths.ts';
export { canonicalPathOf, parentOf } from './canonical-path.ts';
export {
  coerceToPath,
  evalError,
  forceBool,
  forceList,
  forcePlainString,
  forceSet,
  forceString,
  typeError,
  within,
} from './builtins/arguments.ts';
export {
  type DebugEnvironment,
  type DebugFrame,
  type DebugPrompt,
  type DebugReason,
  type DebuggerOptions,
  DebuggingEnded,
} from './debug/debugger.ts';
export { EvalError, type EvalErrorCode, asEvalError, evalErrorCodes } from './eval-error.ts';
export { attributeComment, documentationOf, selectedAttribute } from './documentation.ts';
export type { AddedTree, EvalIO, EvalMessage, FileInfo, FileType, PathToAdd } from './eval-io.ts';
export { isFetchedPlace } from './fetch-place.ts';
export { Evaluator, type EvaluatorOptions } from './evaluator.ts';
export {
  type FlakePath,
  type FlakeRef,
  type FlakeRefWithFragment,
  canonicalFlakeRef,
  equalFlakeRefs,
  flakeRefFromAttributes,
  flakeRefFromPath,
  flakeRefToAttributes,
  formatFlakeRef,
  parseFlakeRef,
  parseFlakeUrl,
  splitFlakePath,
  withoutFragment,
} from './inputs/flake-ref.ts';
export {
  type Input,
  commitOf,
  equalInputs,
  inputAtCommit,
  inputFromAttributes,
  inputToUrl,
  isDirectInput,
  isLockedInput,
  matchesInput,
  relativePathOf,
} from './inputs/input.ts';
export { type CommitKey, commitKeysOf, verifyingAttributes } from './inputs/commit-keys.ts';
export {
  BadUrl,
  type InputAttributes,
  attributesToJson,
  badUrl,
  flagAttribute,
  formatUrl,
  textAttribute,
} from './inputs/input-scheme.ts';
export { type EvalNeed, type FetchedTree, type NeedAnswer, Suspension, keyOfNeed } from './needs.ts';
export type { ObservationOptions } from './observe/observation.ts';
export { type ShownTree, ShownTrees, shownTreeOf, untrackedError } from './shown-trees.ts';
export { statisticsOf } from './observe/statistics.ts';
export { type Pass, type Siblings, WorkState, siblingsAfter } from './passes.ts';
export { type JsonOptions, indentJson, parseOwnJson, toJson } from './builtins/json.ts';
export { type ContextElement, parseContextElement } from './context-element.ts';
export { explainJsonFault } from './json/read-json.ts';
export { narHashMismatch } from './builtins/fetch.ts';
export { importFile } from './builtins/import.ts';
export { coerceToStorePath } from './builtins/realise.ts';
export { forceDerivingPath } from './builtins/output-of.ts';
export {
  type Package,
  declaredDerivationPathOf,
  declaredDerivationOf,
  derivationPathOf,
  type FindPackagesOptions,
  allMetaOf,
  findPackages,
  outPathOf,
  outputPathsOf,
  packageNameOf,
  systemOf,
  isDerivation,
  metaOf,
  outputNameOf,
  outputsOf,
  outputsToInstallOf,
} from './packages.ts';
export { type PlainData, formatPlainData, plainDataOf, plainList, plainSet, plainString } from './plain-data.ts';
export { compareVersions } from './builtins/versions.ts';
export { matchesWhole, findIgnoringCase, type TextRange } from './builtins/regex.ts';

export type { Origin } from './positions.ts';
export { printAmbiguous } from './print-ambiguous.ts';
export { printEvaluated } from './print-evaluated.ts';
export { ReplScope, isIncomplete } from './repl-scope.ts';
export {
  type AutoArguments,
  argumentNames,
  autoCall,
  parseSelectionPath,
  select,
  selectWithPosition,
  soleArgumentName,
  takesArgument,
} from './selection.ts';
export { type PrintOptions, quoteName, quoteNameBytes } from './value-printer.ts';
export { forceTrivial, isSetTree } from './trivial.ts';
export { type Word, addressOf, intOf, kindOf, listElements, pathTextOf, trueWord } from './word.ts';
export { type XmlOptions, toXml } from './builtins/xml.ts';
export { isTable, readToml } from './toml/read-toml.ts';
export { TomlError } from './toml/toml-error.ts';
export type { TomlArray, TomlTable, TomlValue } from './toml/toml-value.ts';
