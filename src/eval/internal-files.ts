import { type ByteString, brandAs, byteStringFromText, bytesOf } from '../base/index.ts';

/** Where the evaluator's own files are, which no file system has. */
export const internalFolder = byteStringFromText('/«nix-internal»');

/** `<nix/fetchurl.nix>`: a download of known contents, made by the builder itself. */
const fetchurl = `
{ system ? ""
, url
, hash ? ""
, md5 ? ""
, sha1 ? ""
, sha256 ? ""
, sha512 ? ""
, outputHash ?
    if hash != "" then hash
    else if sha512 != "" then sha512
    else if sha1 != "" then sha1
    else if md5 != "" then md5
    else sha256
, outputHashAlgo ?
    if hash != "" then ""
    else if sha512 != "" then "sha512"
    else if sha1 != "" then "sha1"
    else if md5 != "" then "md5"
    else "sha256"
, executable ? false
, unpack ? false
, name ? baseNameOf (toString url)
, impure ? false
}:
derivation ({
  inherit name url executable unpack;
  builder = "builtin:fetchurl";
  system = "builtin";
  urls = [ url ];
  outputHashMode = if executable || unpack then "recursive" else "flat";
  preferLocalBuild = true;
  impureEnvVars = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" ];
} // (if impure then { __impure = true; } else { inherit outputHash outputHashAlgo; }))
`;

/**
 * `derivation`, which is a function of the language. Traces of every derivation's errors show lines of it: names and places
 * of what they show are those of C++ Nix, from line 30 on.
 */
export const derivationText: Uint8Array = bytesOf(
  byteStringFromText(`${'\n'.repeat(30)}drvAttrs@{
  outputs ? [ "out" ],
  ...
}:
let

  strict = derivationStrict drvAttrs;

  commonAttrs =
    drvAttrs
    // builtins.listToAttrs outputsList
    // {
      all = map (x: x.value) outputsList;
      inherit drvAttrs;
    };

  outputToAttrListElement = outputName: {
    name = outputName;
    value = commonAttrs // {
      outPath = builtins.getAttr outputName strict;
      drvPath = strict.drvPath;
      type = "derivation";
      inherit outputName;
    };
  };
  outputsList = map outputToAttrListElement outputs;
in
(builtins.head outputsList).value
`),
);

/** What a derivation of the store is when it is imported: a function of its outputs' paths by name. */
export const importedDerivationText: Uint8Array = bytesOf(
  byteStringFromText(`attrs@{ drvPath, name, outputs, ... }:
let
  shared = builtins.listToAttrs named // {
    inherit drvPath name;
    all = map (output: output.value) named;
    type = "derivation";
  };
  named = map (output: {
    name = output;
    value = shared // { outPath = builtins.getAttr output attrs; outputName = output; };
  }) outputs;
in
(builtins.head named).value
`),
);

const files: ReadonlyMap<string, Uint8Array> = new Map([['fetchurl.nix', bytesOf(byteStringFromText(fetchurl))]]);

/** What `<nix/…>` means where the search path has nothing of that name. */
export function internalPath(name: ByteString): ByteString | undefined {
  const file = name.startsWith('nix/') ? name.slice('nix/'.length) : undefined;
  return file === undefined || !files.has(file) ? undefined : brandAs<ByteString>(`${internalFolder}/${file}`);
}

export function readInternalFile(path: ByteString): Uint8Array | undefined {
  return path.startsWith(`${internalFolder}/`) ? files.get(path.slice(internalFolder.length + 1)) : undefined;
}
