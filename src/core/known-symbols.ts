/** Names that the language itself knows. */
import { allocate } from './memory.ts';
import { type Symbol, intern, internText } from './symbol.ts';

export let functorSymbol: Symbol = 0;
export let toStringSymbol: Symbol = 0;
export let outPathSymbol: Symbol = 0;
export let drvPathSymbol: Symbol = 0;
export let typeSymbol: Symbol = 0;
export let overridesSymbol: Symbol = 0;
export let nameSymbol: Symbol = 0;
export let valueSymbol: Symbol = 0;
export let fileSymbol: Symbol = 0;
export let lineSymbol: Symbol = 0;
export let columnSymbol: Symbol = 0;
export let rightSymbol: Symbol = 0;
export let wrongSymbol: Symbol = 0;
export let startSetSymbol: Symbol = 0;
export let operatorSymbol: Symbol = 0;
export let keySymbol: Symbol = 0;
export let argsSymbol: Symbol = 0;
export let builderSymbol: Symbol = 0;
export let contentAddressedSymbol: Symbol = 0;
export let ignoreNullsSymbol: Symbol = 0;
export let impureSymbol: Symbol = 0;
export let jsonSymbol: Symbol = 0;
export let outputHashAlgoSymbol: Symbol = 0;
export let outputHashModeSymbol: Symbol = 0;
export let outputHashSymbol: Symbol = 0;
export let outputsSymbol: Symbol = 0;
export let structuredAttrsSymbol: Symbol = 0;
export let systemSymbol: Symbol = 0;

/**
 * What C++ Nix interns before the first text, in its order: sets are gone through in the order of their symbols, which
 * shows in traces and in which of several errors is met first. A line at a time: to join them would allocate memory that
 * is not ours.
 */
function internFirstNames(): void {
  internWords(
    '<with> outPath drvPath type meta name value system __overrides outputs outputName __ignoreNulls file line column ',
    false,
  );
  internWords(
    '__functor __toString right wrong __structuredAttrs __json allowedReferences allowedRequisites disallowedReferences ',
    false,
  );
  internWords(
    'disallowedRequisites maxSize maxClosureSize builder args __contentAddressed __impure outputHash outputHashAlgo ',
    false,
  );
  internWords('outputHashMode recurseForDerivations description self ', false);
}

/** The empty name is between the two. */
function internSecondNames(): void {
  internWords(
    'startSet operator key path prefix outputSpecified __sub __lessThan __mul __div or __findFile __nixPath body ',
    false,
  );
}

/** Each is followed by itself without `__`. */
function internGlobalNames(): void {
  internWords(
    'builtins true false null __currentTime __currentSystem __nixVersion __storeDir __langVersion __traceVerbose ',
    true,
  );
  internWords(
    '__nixPath scopedImport import __typeOf isNull __isFunction __isInt __isFloat __isString __isBool __isPath ',
    true,
  );
  internWords(
    '__genericClosure break abort throw __addErrorContext __ceil __floor __tryEval __getEnv __seq __deepSeq ',
    true,
  );
  internWords(
    '__trace __warn derivationStrict placeholder __toPath __storePath __pathExists baseNameOf dirOf __readFile ',
    true,
  );
  internWords('__findFile __hashFile __readFileType __readDir __outputOf __toXML __toJSON __fromJSON __toFile ', true);
  internWords(
    '__filterSource __path __attrNames __attrValues __getAttr __unsafeGetAttrPos __hasAttr __isAttrs removeAttrs ',
    true,
  );
  internWords(
    '__listToAttrs __intersectAttrs __catAttrs __functionArgs __mapAttrs __zipAttrsWith __isList __elemAt __head ',
    true,
  );
  internWords(
    "__tail map __filter __elem __concatLists __length __foldl' __any __all __genList __sort __partition ",
    true,
  );
  internWords(
    '__groupBy __concatMap __add __sub __mul __div __bitAnd __bitOr __bitXor __lessThan toString __substring ',
    true,
  );
  internWords(
    '__stringLength __hashString __convertHash __match __split __concatStringsSep __replaceStrings __parseDrvName ',
    true,
  );
  internWords(
    '__compareVersions __splitVersion __unsafeDiscardStringContext __hasContext __unsafeDiscardOutputDependency ',
    true,
  );
  internWords(
    '__addDrvOutputDependencies __getContext __appendContext __fetchClosure fetchMercurial fetchTree __fetchurl ',
    true,
  );
  internWords('fetchTarball fetchGit fromTOML __getFlake __parseFlakeRef __flakeRefToString derivation', true);
}

export function internKnownSymbols(): void {
  internFirstNames();
  intern(allocate(1), 0);
  internSecondNames();
  internGlobalNames();
  functorSymbol = internText('__functor');
  toStringSymbol = internText('__toString');
  outPathSymbol = internText('outPath');
  drvPathSymbol = internText('drvPath');
  typeSymbol = internText('type');
  overridesSymbol = internText('__overrides');
  nameSymbol = internText('name');
  valueSymbol = internText('value');
  fileSymbol = internText('file');
  lineSymbol = internText('line');
  columnSymbol = internText('column');
  rightSymbol = internText('right');
  wrongSymbol = internText('wrong');
  startSetSymbol = internText('startSet');
  operatorSymbol = internText('operator');
  keySymbol = internText('key');
  argsSymbol = internText('args');
  builderSymbol = internText('builder');
  contentAddressedSymbol = internText('__contentAddressed');
  ignoreNullsSymbol = internText('__ignoreNulls');
  impureSymbol = internText('__impure');
  jsonSymbol = internText('__json');
  outputHashAlgoSymbol = internText('outputHashAlgo');
  outputHashModeSymbol = internText('outputHashMode');
  outputHashSymbol = internText('outputHash');
  outputsSymbol = internText('outputs');
  structuredAttrsSymbol = internText('__structuredAttrs');
  systemSymbol = internText('system');
}

/** Interns the words of an ASCII text, each of which has a blank behind it, except maybe the last. */
function internWords(words: string, areGlobal: bool): void {
  const length = words.length;
  const bytes = allocate(length);
  let start = 0;
  for (let i = 0; i <= length; i++) {
    const char: u16 = i == length ? 0x20 : load<u16>(changetype<usize>(words) + ((<usize>i) << 1));
    if (char != 0x20) {
      store<u8>(bytes + i, <u8>char);
      continue;
    }
    if (i > start) {
      intern(bytes + start, i - start);
      const isLong = areGlobal && i - start > 2 && load<u16>(bytes + start) == 0x5f5f;
      if (isLong) intern(bytes + start + 2, i - start - 2);
    }
    start = i + 1;
  }
}
