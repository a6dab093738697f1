/** Names that every expression knows. */
export const globalNames: readonly string[] = (
  'abort baseNameOf break builtins derivation derivationStrict dirOf false fetchGit fetchMercurial fetchTarball fromTOML ' +
  'import isNull map null placeholder removeAttrs scopedImport throw toString true ' +
  '__add __addDrvOutputDependencies __addErrorContext __all __any __appendContext __attrNames __attrValues __bitAnd ' +
  '__bitOr __bitXor __catAttrs __ceil __compareVersions __concatLists __concatMap __concatStringsSep __convertHash ' +
  '__currentSystem __currentTime __deepSeq __div __elem __elemAt __fetchurl __filter __filterSource __findFile ' +
  "__flakeRefToString __floor __foldl' __fromJSON __getFlake __parseFlakeRef " +
  '__functionArgs __genList __genericClosure __getAttr __getContext __getEnv __groupBy __hasAttr ' +
  '__hasContext __hashFile __hashString __head __intersectAttrs __isAttrs __isBool __isFloat __isFunction __isInt ' +
  '__isList __isPath __isString __langVersion __length __lessThan __listToAttrs __mapAttrs __match __mul __nixPath ' +
  '__nixVersion __parseDrvName __partition __path __pathExists __readDir __readFile __readFileType __replaceStrings ' +
  '__seq __sort __split __splitVersion __storeDir __storePath __stringLength __sub __substring __tail __toFile __toJSON ' +
  '__toPath __toXML __trace __traceVerbose __tryEval __typeOf __unsafeDiscardOutputDependency ' +
  '__unsafeDiscardStringContext __unsafeGetAttrPos __warn __zipAttrsWith'
).split(' ');

/** Names that an expression knows besides where one of these experimental features is enabled. */
export const globalNamesByFeature = [
  { name: '__fetchClosure', features: ['fetch-closure'] },
  { name: '__outputOf', features: ['dynamic-derivations'] },
  { name: 'fetchTree', features: ['fetch-tree', 'flakes'] },
] as const;
