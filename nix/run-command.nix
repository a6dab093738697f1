# What a script makes in `$out` with busybox's programs: NAME ENVIRONMENT SCRIPT.
{ system, busybox }:
name: environment: script:
derivation (
  {
    inherit name system;
    builder = "${busybox}/bin/sh";
    args = [
      "-euc"
      script
    ];
    PATH = "${busybox}/bin";
  }
  // environment
)
