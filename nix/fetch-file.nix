# A file, the same whoever fetches it from wherever: { url, hash, name ?, executable ? }. `hash` is in the form of the
# integrity that registries give (`sha512-...`) or `sha256:...`.
{
  url,
  hash,
  name ? baseNameOf url,
  executable ? false,
}:
derivation {
  inherit name url executable;
  builder = "builtin:fetchurl";
  system = "builtin";
  outputHash = hash;
  outputHashMode = if executable then "recursive" else "flat";
  preferLocalBuild = true;
}
