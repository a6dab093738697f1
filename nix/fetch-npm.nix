# A package of npm's as the registry has it: { package, version, hash }, `hash` being its `dist.integrity`.
{ fetchFile, registry }:
{
  package,
  version,
  hash,
}:
let
  file = "${baseNameOf package}-${version}.tgz";
in
fetchFile {
  inherit hash;
  name = file;
  url = "${registry}/${package}/-/${file}";
}
