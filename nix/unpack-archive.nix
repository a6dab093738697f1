# The one folder in an archive of tar's, which may be compressed: `NAME` within the result.
name: archive:
let
  folder = baseNameOf name;
in
derivation {
  name = "${folder}-unpacked";
  builder = "builtin:unpack-channel";
  system = "builtin";
  src = archive;
  channelName = folder;
  preferLocalBuild = true;
}
