import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Derivations of several kinds, whose outputs refer to each other, to themselves and to sources. */
const expression = `
  let
    make = name: more: script: derivation ({
      inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-ec" script ]; PATH = "/bin:/usr/bin";
    } // more);
    notes = builtins.toFile "notes.txt" "some notes\\n";
    lib = make "lib-a-1.2.3" { }
      "mkdir -p $out/lib $out/bin; echo library > $out/lib/liba.so; echo '#!/bin/sh' > $out/bin/a; chmod +x $out/bin/a; ln -s ../lib/liba.so $out/lib/link";
    tool = make "tool-b-0.9" { inherit lib notes; outputs = [ "out" "dev" "doc" ]; }
      "mkdir -p $out/bin $dev/include $doc; echo $lib/lib/liba.so > $out/bin/b; echo $out self >> $out/bin/b; echo $lib $out > $dev/include/b.h; cat $notes > $doc/readme; ln -s $lib/bin/a $out/bin/a-link";
    app = make "app-c-2024-01-01" { inherit lib; tool = tool.out; dev = tool.dev; quoted = "it's \\"quoted\\" $HOME\\nline"; }
      "mkdir $out; echo $lib > $out/one; echo $tool $lib > $out/two; ln -s $dev/include $out/inc; echo > $out/three";
    newer = make "app-c-2024-02-02" { inherit lib; } "mkdir $out; echo $lib > $out/one; head -c 20000 /dev/zero > $out/big";
    flat = derivation {
      name = "flat.txt"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo -n hello > $out" ];
      outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = builtins.hashString "sha256" "hello";
    };
    plain = make "plain-e" { inherit flat; } "echo $flat > $out";
    unbuilt = make "unbuilt" { inherit lib; outputs = [ "out" "lib2" ]; } "exit 1";
  in { inherit lib tool app newer flat plain unbuilt; built = [ lib tool.out tool.dev tool.doc app newer flat plain ]; }`;

interface FixtureOptions {
  /** Folder of our programs. */
  readonly own: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ownEnvironment: Readonly<Record<string, string | undefined>>;
  readonly root: string;
}

/** Gives both sides the same store objects, and tells where they are. */
export function makeStoreObjects(peer: string, options: FixtureOptions): ReadonlyMap<string, string> {
  const { own, environment, ownEnvironment, root } = options;
  // Built by a third side, so that neither of the others knows more of them than an export tells.
  const builder = { ...environment, NIX_STATE_DIR: join(root, 'builder'), NIX_LOG_DIR: join(root, 'log') };
  const maxBuffer = 64 * 1024 * 1024;
  const ask = (program: string, ...args: readonly string[]): string =>
    execFileSync(join(peer, program), args, { env: builder, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer })
      .toString()
      .trim();
  const places = new Map<string, string>();
  ask('nix-build', '--expr', expression, '-A', 'built', '--no-out-link', '--option', 'sandbox', 'false');
  for (const name of ['lib', 'tool', 'app', 'newer', 'flat', 'plain', 'unbuilt']) {
    const derivation = ask('nix-instantiate', '--expr', expression, '-A', name).replace(/!.*/, '');
    places.set(`${name}.drv`, derivation);
    const outputs = ask('nix-store', '--query', '--outputs', derivation).split('\n');
    const out = outputs.find(path => !/-(?:dev|doc|lib2)$/.test(path)) ?? '';
    places.set(name, out);
    for (const output of ['dev', 'doc'])
      places.set(`${name}-${output}`, outputs.find(path => path.endsWith(`-${output}`)) ?? out);
  }
  const all = ask('nix-store', '--dump-db').match(/^\/.*\/store\/[^/\n]+$/gm) ?? [];
  const valid = [...new Set(all)].filter(path => !path.includes('-unbuilt') || path.endsWith('.drv'));
  const exported = execFileSync(join(peer, 'nix-store'), ['--export', ...valid], { env: builder, maxBuffer });
  const store = environment['NIX_STORE_DIR'] ?? '';
  places.set('notes', valid.find(path => path.endsWith('-notes.txt')) ?? '');
  places.set('absent', `${store}/00000000000000000000000000000000-absent`);
  places.set('store', store);
  for (const [bin, env] of [
    [peer, environment],
    [own, ownEnvironment],
  ] as const) {
    execFileSync(join(bin, 'nix-store'), ['--import'], { env, input: exported, stdio: ['pipe', 'ignore', 'pipe'] });
  }
  return places;
}
