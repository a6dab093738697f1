import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliOptions, type CliResult, binDir, runCli } from './run-cli.ts';

const repository = dirname(binDir);

const expressions = `
let
  nested = name: script: more: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" script ];
    PATH = "\${builtins.getEnv "BIN"}:/usr/bin:/bin";
    HOME = "/homeless-shelter";
    requiredSystemFeatures = [ "recursive-nix" ];
    NIX_CONFIG = "experimental-features = nix-command ca-derivations dynamic-derivations recursive-nix";
  } // more);
  plain = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" script ];
    PATH = "/usr/bin:/bin";
  };
  submitting = {
    requiredSystemFeatures = [ "builder-rpc-v0" ];
    __contentAddressed = true;
    outputHashMode = "nar";
    outputHashAlgo = "sha256";
  };
in
rec {
  inner = plain "inner" "echo inner > $out";
  drvOf = package: builtins.unsafeDiscardOutputDependency package.drvPath;
  # Of two that are added only one is referred to.
  outer = nested "outer" ''
    echo one > one; echo two > two
    one=$(nix store add-path one); two=$(nix store add-path two)
    test "$(cat $one)" = one
    made=$(nix-store -r \${drvOf inner})
    test "$(cat $made)" = inner
    mkdir $out; ln -s $one $out/one; ln -s $made $out/made
  '' { };
  # Both want the same with one slot.
  two = plain "two" "cat \${outer}/made \${other}/made > $out";
  other = nested "other" ''
    made=$(nix-store -r \${drvOf inner})
    mkdir $out; ln -s $made $out/made
  '' { };
  curious = nested "curious" ''
    if nix path-info \${builtins.unsafeDiscardStringContext (toString inner)} 2> said; then exit 1; fi
    if nix-store -r \${builtins.unsafeDiscardStringContext inner.drvPath} 2>> said; then exit 1; fi
    if nix store add-path /no/such/path; then exit 1; fi
    if nix-store --gc --print-dead | grep .; then exit 1; fi
    nix path-info --all > all; if grep inner all; then exit 1; fi
    cat said; touch $out
  '' { };
  circle = nested "circle" "SELF=$self nix-build $self -A circle --no-out-link" {
    self = builtins.path { path = builtins.getEnv "SELF"; name = "self.nix"; };
    BIN = builtins.getEnv "BIN";
  };
  slow = plain "slow" "sleep 1000";
  dies = nested "dies" "nix-store -r \${drvOf slow} & sleep 1; exit 3" { };
  fails = nested "fails" "nix-store -r \${drvOf failing}" { };
  failing = plain "failing" "echo words of the inner builder; exit 1";

  submits = nested "submits" ''
    if printenv out; then exit 1; fi
    echo base > base; base=$(nix store add base)
    mkdir top; echo $base > top/reference
    nix store submit-output "$(nix store add --scan -n submits top)" out
  '' submitting;
  submitsNothing = nested "submits-nothing" "true" submitting;
  submitsForeign = nested "submits-foreign" "nix store submit-output \${builtins.unsafeDiscardStringContext (toString inner)} out" submitting;
  submitsTwice = nested "submits-twice" ''
    echo a > a; echo b > b
    nix store submit-output "$(nix store add -n submits-twice a)" out
    nix store submit-output "$(nix store add -n submits-twice b)" out
  '' submitting;
  submitsOther = nested "submits-other" "echo a > a; nix store submit-output $(nix store add a) out" submitting;
  submitsUnnamed = nested "submits-unnamed" "echo a > a; nix store submit-output $(nix store add a) lib" submitting;
  submitsAndBuilds = nested "submits-and-builds" "nix-store -r \${drvOf inner}" submitting;
}
`;

/** A folder with a store of its own, whose builders find our commands. */
class Workshop {
  readonly #temporary = temporaryFolder();
  readonly folder = this.#temporary.path;
  readonly #config: string;

  constructor(config: readonly string[]) {
    this.#config = ['substituters =', 'build-users-group =', 'max-jobs = 1', ...config].join('\n');
    writeFileSync(join(this.folder, 'expressions.nix'), expressions);
  }

  run(program: string, args: readonly string[], options: CliOptions = {}): CliResult {
    const env = {
      HOME: this.folder,
      TMPDIR: this.folder,
      BIN: binDir,
      SELF: join(this.folder, 'expressions.nix'),
      NIX_STORE_DIR: join(this.folder, 'store'),
      NIX_STATE_DIR: join(this.folder, 'var'),
      NIX_CONFIG: this.#config,
      ...options.env,
    };
    return runCli(program, args, { cwd: this.folder, ...options, env });
  }

  build(attribute: string): CliResult {
    return this.run('nix-build', ['expressions.nix', '-A', attribute, '--no-out-link']);
  }

  /** Standard output of a command that succeeds. */
  expect(program: string, args: readonly string[]): string {
    const { status, stdout, stderr } = this.run(program, args);
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  }

  /** What is said of a build that fails. */
  failure(attribute: string): string {
    const { status, stderr } = this.build(attribute);
    assert.notEqual(status, 0, stderr);
    return stderr;
  }

  [Symbol.dispose](): void {
    removeTree(this.folder);
  }
}

const places: readonly [name: string, config: readonly string[]][] = [
  ['on the host', ['sandbox = false']],
  ['in a sandbox', ['sandbox = true', `sandbox-paths = /bin /usr /lib /lib64? ${repository}`]],
];

for (const [place, config] of places) {
  describe(`builders that use Nix ${place}`, () => {
    let shop: Workshop;
    before(() => (shop = new Workshop(config)));
    after(() => shop[Symbol.dispose]());

    test('add and build, and what is not referred to is not seen outside', () => {
      const outer = shop.expect('nix-build', ['expressions.nix', '-A', 'outer', '--no-out-link']);
      const closure = shop.expect('nix-store', ['-qR', outer]).split('\n');
      const names = closure.map(path => path.replace(/^.*\/[^-]*-/, '')).toSorted();
      assert.deepEqual(names, ['inner', 'one', 'outer']);
    });

    test('give their slot to what they wait for', () => {
      shop.expect('nix-build', ['expressions.nix', '-A', 'two', '--no-out-link']);
    });

    test('see nothing that they were not given', () => {
      shop.expect('nix-build', ['expressions.nix', '-A', 'inner', '--no-out-link']);
      const { status, stderr } = shop.build('curious');
      assert.equal(status, 0, stderr);
      assert.match(stderr, /path '[^']*-inner' is not valid/);
      assert.match(stderr, /cannot build '[^']*-inner.drv[^']*' in recursive Nix because path is unknown/);
    });

    test('fail where they wait for themselves, and are told so', () => {
      const said = shop.failure('circle');
      const name = `'[^']*-circle.drv'`;
      assert.match(said, new RegExp(`builds wait for each other in a circle: ${name} -> ${name}`));
    });

    test('end what they have begun when they end', () => {
      assert.match(shop.failure('dies'), /builder failed with exit code 3|exit code 3/);
    });

    test('are told what has failed, and so is whoever wants them', () => {
      assert.match(shop.failure('fails'), /words of the inner builder/);
    });

    test('submit outputs that they have added', () => {
      const path = shop.expect('nix-build', ['expressions.nix', '-A', 'submits', '--no-out-link']);
      assert.match(shop.expect('nix-store', ['-q', '--references', path]), /^[^\n]*-base$/);
      assert.equal(shop.expect('nix-build', ['expressions.nix', '-A', 'submits', '--no-out-link', '--check']), path);
    });

    for (const [attribute, message] of [
      ['submitsNothing', /builder for '[^']*' failed to submit output path for 'out'/],
      ['submitsForeign', /cannot submit unknown path '[^']*-inner' for output 'out'/],
      ['submitsTwice', /Attempted to submit duplicate output 'out' \(old '[^']*', new '[^']*'\)/],
      ['submitsOther', /submitted '[^']*-a', which cannot be its output 'out': add it under the name 'submits-other'/],
      ['submitsUnnamed', /cannot submit '[^']*-a' for output 'lib': the derivation has 'out'/],
      ['submitsAndBuilds', /Operation '[A-Za-z]*' not allowed here/],
    ] as const) {
      test(`${attribute} is refused`, () => assert.match(shop.failure(attribute), message));
    }
  });
}
