# Pairs of derivations, the second of which needs the first, and one that needs all of them. `static`: the first writes a line
# that the second reads. `dynamic`: the first writes the second.
{
  shape,
  count,
  system ? builtins.currentSystem,
  shell ? "/bin/sh",
}:
let
  make =
    name: script: more:
    derivation (
      {
        inherit name system;
        builder = shell;
        args = [
          "-c"
          script
        ];
      }
      // more
    );
  numbers = builtins.genList toString count;
  placeholder = builtins.placeholder "out";

  static = map (
    n:
    make "second-${n}" "read line < $first; echo $line > $out" { first = make "first-${n}" "echo ${n} > $out" { }; }
  ) numbers;

  dynamic = map (
    n:
    builtins.outputOf (make "second-${n}.drv"
      ''printf %s 'Derive([("out","","r:sha256","")],[],[],"'$system'","'$builder'",["-c","echo ${n} > $out"],[("name","second-${n}"),("out","'$a$b'")])' > $out''
      {
        # Together the placeholder of the second's output, and not the first's.
        a = builtins.substring 0 20 placeholder;
        b = builtins.substring 20 100 placeholder;
        __contentAddressed = true;
        outputHashMode = "text";
        outputHashAlgo = "sha256";
      }
    ).outPath "out"
  ) numbers;
in
make "all" "echo done > $out" { pairs = if shape == "static" then static else dynamic; }
