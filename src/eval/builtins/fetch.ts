import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type NixHash,
  type StorePath,
  checkStorePathName,
  equalHashes,
  formatHash,
  makeFixedOutputPath,
  printStorePath,
  parseHash,
  parseUrl,
} from '../../nix-compat/index.ts';
import { coerce } from '../core-exports.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { mark } from '../error-log.ts';
import { resolveChannel } from '../channel-url.ts';
import { type Input, inputFromAttributes, inputFromUrl, inputToUrl, isLockedInput } from '../inputs/input.ts';
import { type InputAttributes, asBadUrl, formatUrl, textAttribute } from '../inputs/input-scheme.ts';
import { verifyingAttributes } from '../inputs/commit-keys.ts';
import { fixGitUrl } from '../inputs/schemes.ts';
import { shownTreeOf } from '../shown-trees.ts';
import type { EvalNeed } from '../needs.ts';
import { type Word, addressOf, intOf, kindOf, trueWord } from '../word.ts';
import { argument, evalError, forcePlainString, forceSet, typeError, within } from './arguments.ts';
import { storePathWord } from './files.ts';
import { parseHashAllowEmpty } from './hash.ts';
import { toJson } from './json.ts';
import type { HostBuiltin } from './table.ts';
import { treeSet } from './tree-set.ts';

/** What is asked for is right; getting it is what Firn cannot do yet. */
function notFetched(what: string): EvalError {
  return evalError`cannot fetch '${what}': Firn does not fetch while it evaluates yet`;
}

interface Download {
  readonly url: string;
  readonly name: string;
  readonly expected: NixHash | undefined;
}

function download(evaluator: Evaluator, args: number, who: 'fetchurl' | 'fetchTarball'): Word {
  const { url, name, expected } = readDownload(evaluator, args, who);
  const unpacks = who === 'fetchTarball';
  const known = expected === undefined ? undefined : findPinned(evaluator, { name, expected, unpacks });
  if (known !== undefined) return storePathWord(evaluator, known);
  const { path, narHash, hash } = addFetched(evaluator, { kind: 'download', url, unpacks }, name);
  const found = unpacks ? narHash : hash;
  if (expected !== undefined && !equalHashes(found, expected)) {
    const [specified, got] = [expected, found].map(each => formatHash(each, 'nix32', { prefix: true }));
    throw evalError`hash mismatch in file downloaded from '${url}':\n  specified: ${specified ?? ''}\n  got:       ${got ?? ''}`;
  }
  return storePathWord(evaluator, path);
}

interface Pinned {
  readonly name: string;
  readonly expected: NixHash;
  readonly unpacks: boolean;
}

/** Where the contents are that are known beforehand, if the store has them or can get them without a download. */
function findPinned(evaluator: Evaluator, { name, expected, unpacks }: Pinned): StorePath | undefined {
  if (expected.algorithm !== 'sha256') return undefined;
  const method = unpacks ? 'nar' : 'flat';
  const path = makeFixedOutputPath(evaluator.io.storeDir, name, { method, hash: expected });
  const [answer] = evaluator.require([{ kind: 'presence', path }]);
  return answer?.kind === 'object' ? path : undefined;
}

type FetchNeed = Extract<EvalNeed, { kind: 'download' | 'tree' }>;

/** Has something fetched and added to the store. Suspends the evaluation. */
function addFetched(evaluator: Evaluator, need: FetchNeed, name: string) {
  const [answer] = evaluator.require([need]);
  if (answer?.kind === 'failed') throw answer.error;
  if (answer?.kind !== 'tree') throw notFetched(need.url);
  const { tree } = answer;
  const added = evaluator.io.addTree(tree, name);
  evaluator.showTree(printStorePath(evaluator.io.storeDir, added.path), shownTreeOf(tree));
  return { ...added, attributes: tree.attributes };
}

function readDownload(evaluator: Evaluator, args: number, who: 'fetchurl' | 'fetchTarball'): Download {
  const { core } = evaluator;
  const word = core.force(argument(evaluator, args, 0));
  const isSet = kindOf(core.memory, word) === 'set';
  const given = isSet ? readDownloadSet(evaluator, addressOf(word), who) : { name: undefined, expected: undefined };
  const urlText = 'while evaluating the url we should fetch';
  const url = 'url' in given ? given.url : displayBytes(forcePlainString(evaluator, word, urlText));
  const resolved = who === 'fetchTarball' ? resolveChannel(url) : url;
  evaluator.checkUri(resolved);
  const name = given.name || (who === 'fetchTarball' && given.name === undefined ? 'source' : baseNameOf(resolved));
  try {
    checkStorePathName(name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const advice =
      given.name !== undefined
        ? `Please change the value for the 'name' attribute passed to '${mark(who)}', so that it can create a valid store path.`
        : isSet
          ? `Please add a valid 'name' attribute to the argument for '${mark(who)}', so that it can create a valid store path.`
          : `Please pass an attribute set with 'url' and 'name' attributes to '${mark(who)}',  so that it can create a valid store path.`;
    throw evalError(["invalid store path name when fetching URL '", `': ${reason}. ${advice}`], resolved);
  }
  if (evaluator.access?.purity === 'pure' && given.expected === undefined) {
    throw evalError`in pure evaluation mode, '${who}' requires a 'sha256' argument`;
  }
  return { url: resolved, name, expected: given.expected };
}

function readDownloadSet(evaluator: Evaluator, attrs: number, who: string) {
  const { core } = evaluator;
  let url: string | undefined;
  let name: string | undefined;
  let expected: NixHash | undefined;
  for (const { symbol, word, position } of core.attributes(attrs)) {
    const key = displayBytes(core.nameOf(symbol));
    const read = (doing: string) => forcePlainString(evaluator, word, doing, position);
    if (key === 'url') url = displayBytes(read('while evaluating the url we should fetch'));
    else if (key === 'sha256') {
      expected = parseHashAllowEmpty(
        evaluator,
        read('while evaluating the sha256 of the content we should fetch'),
        'sha256',
      );
    } else if (key === 'name') name = displayBytes(read('while evaluating the name of the content we should fetch'));
    else throw evalError`unsupported argument '${key}' to '${who}'`;
  }
  if (url === undefined) throw evalError`'url' argument required`;
  return { url, name, expected };
}

function baseNameOf(url: string): string {
  const trimmed = url.replace(/\/+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

// Trees

/** The error of an input that has other contents than it should. */
export function narHashMismatch(
  input: string,
  { expected, got }: { readonly expected: string; readonly got: string },
): EvalError {
  const { message } = evalError`NAR hash mismatch in input '${input}', expected '${expected}' but got '${got}'`;
  return new EvalError('eval/hash-mismatch', message);
}

/** `fetchFinalTree` is that of inputs whose attributes are all known: what was locked is fetched again. */
type TreeFetcher = 'fetchTree' | 'fetchGit' | 'fetchFinalTree';

function fetchTreeWith(evaluator: Evaluator, args: number, fetcher: TreeFetcher): Word {
  const isFinal = fetcher === 'fetchFinalTree';
  const who = fetcher === 'fetchGit' ? fetcher : 'fetchTree';
  const given = readInput(evaluator, argument(evaluator, args, 0), who);
  const shown = inputToUrl(given);
  if (!isFinal && given.attributes.has('__final')) {
    throw evalError`input '${shown}' is not allowed to use the '__final' attribute`;
  }
  const input = isFinal ? { ...given, attributes: new Map(given.attributes).set('__final', true) } : given;
  if (evaluator.access?.purity === 'pure' && !isLockedInput(input)) {
    if (!input.attributes.has('narHash')) {
      throw evalError`in pure evaluation mode, '${who}' doesn't fetch unlocked input '${shown}'`;
    }
    evaluator.warn(
      `Input '${shown}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash.` +
        ' This is not reproducible and will break after garbage collection or when shared.',
    );
  }
  evaluator.checkUri(shown);
  return within(evaluator, `while fetching the input '${mark(shown)}'`, () => {
    checkAbsolute(input, shown);
    const name = textAttribute(input.attributes, 'name') ?? 'source';
    const expected = textAttribute(input.attributes, 'narHash');
    if (isFinal && expected !== undefined) {
      const path = findPinned(evaluator, { name, expected: parseHash(expected, 'sha256'), unpacks: true });
      if (path !== undefined) return treeSet(evaluator, { path, narHash: expected, attributes: input.attributes });
    }
    const need = { kind: 'tree', input: input.attributes, url: shown } as const;
    const { path, narHash, attributes: found } = addFetched(evaluator, need, name);
    const got = formatHash(narHash, 'sri');
    if (expected !== undefined && !equalHashes(parseHash(expected, 'sha256'), narHash)) {
      throw narHashMismatch(shown, { expected, got });
    }
    const attributes = isFinal ? input.attributes : found;
    return treeSet(evaluator, { path, narHash: got, attributes, hasEmptyRevision: who === 'fetchGit' });
  });
}

function checkAbsolute({ attributes }: Input, shown: string): void {
  const url = attributes.get('url');
  const type = attributes.get('type');
  const isDownload = type === 'tarball' || type === 'file';
  if (isDownload && typeof url === 'string' && url.startsWith('file:') && !url.startsWith('file:/')) {
    const error = evalError`tarball '${shown}' must use an absolute path. The 'file' scheme does not support relative paths.`;
    throw error;
  }
}

function readInput(evaluator: Evaluator, argumentWord: Word, who: 'fetchTree' | 'fetchGit'): Input {
  const { core } = evaluator;
  const word = core.force(argumentWord);
  if (kindOf(core.memory, word) === 'set') {
    const attributes = readInputSet(evaluator, word, who);
    const isVerified =
      attributes.get('type') === 'git' && [...attributes.keys()].some(name => verifyingAttributes.has(name));
    if (isVerified) evaluator.requireFeature('verified-fetches');
    return inputFromAttributes(attributes);
  }
  const doing = `while evaluating the first argument passed to '${who}'`;
  const url = displayBytes(core.coerce(word, coerce.plain, doing).text);
  if (who === 'fetchGit') {
    return inputFromAttributes(
      new Map<string, string | boolean>([
        ['type', 'git'],
        ['url', formatUrl(fixGitUrl(url))],
        ['exportIgnore', true],
      ]),
    );
  }
  if (!evaluator.hasFeature('flakes')) {
    throw evalError`passing a string argument to '${who}' requires the 'flakes' experimental feature`;
  }
  return inputFromUrl(asBadUrl(() => parseUrl(byteStringFromText(url))));
}

function readInputSet(evaluator: Evaluator, word: Word, who: 'fetchTree' | 'fetchGit'): InputAttributes {
  const { core } = evaluator;
  const attrs = forceSet(evaluator, word, `while evaluating the argument passed to '${who}'`);
  const type = core.lookup(attrs, core.internText('type'));
  if (type !== undefined && who === 'fetchGit') throw evalError`unexpected argument 'type'`;
  if (type === undefined && who !== 'fetchGit') throw evalError`argument 'type' is missing in call to '${who}'`;
  const typeText = `while evaluating the \`type\` argument passed to '${who}'`;
  const typeName =
    type === undefined ? 'git' : displayBytes(forcePlainString(evaluator, type.word, typeText, type.position));
  const attributes: InputAttributes = new Map([['type', typeName]]);
  for (const { symbol, word: unforced, position } of core.attributes(attrs)) {
    const name = displayBytes(core.nameOf(symbol));
    if (name === 'type') continue;
    const value = core.force(unforced, position);
    attributes.set(name, readInputAttribute(evaluator, name, { value, who, position }));
  }
  const hasSubmodules = attributes.get('submodules') === true;
  if (who === 'fetchGit' && !attributes.has('exportIgnore') && !hasSubmodules) attributes.set('exportIgnore', true);
  // Trees are got without the history behind them.
  if (who === 'fetchTree' && typeName === 'git' && !attributes.has('shallow')) attributes.set('shallow', true);
  if (who === 'fetchTree' && attributes.has('name'))
    throw evalError`argument 'name' isn’t supported in call to '${who}'`;
  return attributes;
}

interface InputAttribute {
  readonly value: Word;
  readonly who: 'fetchTree' | 'fetchGit';
  readonly position: number;
}

function readInputAttribute(evaluator: Evaluator, name: string, { value, who, position }: InputAttribute) {
  const { core } = evaluator;
  switch (kindOf(core.memory, value)) {
    case 'path':
    case 'string': {
      const text = displayBytes(core.coerce(value, coerce.plain, '', position).text);
      return who === 'fetchGit' && name === 'url' ? formatUrl(fixGitUrl(text)) : text;
    }
    case 'bool':
      return value.low === trueWord.low;
    case 'int': {
      const number = intOf(core.memory, value);
      if (number < 0n) throw evalError`negative value given for '${who}' argument '${name}': ${number}`;
      return number;
    }
    default: {
      if (name === 'publicKeys') {
        evaluator.requireFeature('verified-fetches');
        return displayBytes(toJson(evaluator, value, { copies: false }).text);
      }
      const type = evaluator.errors.describe(value);
      throw typeError`argument '${name}' to '${who}' is ${type} while a string, Boolean or integer is expected`;
    }
  }
}

function fetchMercurial(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const word = core.force(argument(evaluator, args, 0));
  let url: ByteString = byteStringFromText('');
  let isPinned = false;
  if (kindOf(core.memory, word) !== 'set') {
    const doing = 'while evaluating the first argument passed to builtins.fetchMercurial';
    url = core.coerce(word, coerce.plain, doing).text;
  } else {
    for (const { symbol, word: value, position } of core.attributes(addressOf(word))) {
      const key = displayBytes(core.nameOf(symbol));
      const doing = `while evaluating the \`${key}\` attribute passed to builtins.fetchMercurial`;
      if (key === 'url') url = core.coerce(value, coerce.plain, doing, position).text;
      else if (key === 'rev') isPinned = /^[0-9a-fA-F]{40}$/.test(forcePlainString(evaluator, value, doing, position));
      else if (key === 'name') forcePlainString(evaluator, value, doing, position);
      else {
        const error = evalError`unsupported argument '${key}' to 'fetchMercurial'`;
        throw error.at(evaluator.positions.resolve(position));
      }
    }
    if (url === '') throw evalError`'url' argument required`;
  }
  evaluator.checkUri(displayBytes(url));
  if (evaluator.access?.purity === 'pure' && !isPinned) {
    throw evalError`in pure evaluation mode, 'fetchMercurial' requires a Mercurial revision`;
  }
  throw notFetched(displayBytes(url));
}

export const fetchBuiltins: readonly HostBuiltin[] = [
  { name: 'fetchMercurial', arity: 1, call: fetchMercurial },
  {
    name: 'fetchTree',
    arity: 1,
    features: ['fetch-tree', 'flakes'],
    call: (evaluator, args) => fetchTreeWith(evaluator, args, 'fetchTree'),
  },
  {
    name: 'fetchFinalTree',
    arity: 1,
    isInternal: true,
    call: (evaluator, args) => fetchTreeWith(evaluator, args, 'fetchFinalTree'),
  },
  { name: '__fetchurl', arity: 1, call: (evaluator, args) => download(evaluator, args, 'fetchurl') },
  { name: 'fetchTarball', arity: 1, call: (evaluator, args) => download(evaluator, args, 'fetchTarball') },
  { name: 'fetchGit', arity: 1, call: (evaluator, args) => fetchTreeWith(evaluator, args, 'fetchGit') },
];
