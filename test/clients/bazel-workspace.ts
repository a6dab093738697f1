import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { Peer, type PeerResult } from './peer.ts';

/** Where Debian has the rule sets that Bazel would download. */
const ruleSets = {
  rules_cc: 'rules/cc',
  rules_java: 'rules/java',
  rules_license: 'rules/license',
  rules_proto: 'rules/proto',
  rules_python: 'rules/python',
  bazel_skylib: 'tools/skylib',
  platforms: 'tools/platforms',
  bazel_features: 'tools/features',
};

/** Texts of files by their names; those of scripts end in `.sh`. */
export type Sources = Readonly<Record<string, string>>;

const usualSources: Sources = {
  BUILD: `
cc_library(name = "greet", srcs = ["greet.cc"], hdrs = ["greet.h"])
cc_binary(name = "hello", srcs = ["hello.cc"], deps = [":greet"])
sh_test(name = "passes", srcs = ["passes.sh"], data = [":hello"])
sh_test(name = "fails", srcs = ["fails.sh"])
genrule(name = "made", outs = ["made.txt"], cmd = "echo made > $@")
genrule(name = "endless", outs = ["endless.txt"], cmd = "sleep 1000000; echo > $@")
`,
  'greet.h': 'const char *greeting();\n',
  'greet.cc': '#include "greet.h"\nconst char *greeting() { return "hello from bazel"; }\n',
  'hello.cc': '#include "greet.h"\n#include <cstdio>\nint main() { std::puts(greeting()); }\n',
  'passes.sh': '#!/bin/sh\ntest "$(./hello)" = "hello from bazel"\n',
  'fails.sh': '#!/bin/sh\necho this is why it fails\nexit 3\n',
  WORKSPACE: '',
};

/** How an invocation's actions were come by, of what Bazel says at its end. */
export interface Processes {
  readonly hits: number;
  readonly remote: number;
  readonly local: number;
}

interface BazelTraits {
  readonly major: number;
  readonly isDebian: boolean;
  /** Where the library is that Debian's Bazel needs for compression and does not find by itself. */
  readonly zstd: string | undefined;
}

/** A workspace with a C++ program, tests and the like, and a Bazel of its own. */
export class BazelWorkspace implements AsyncDisposable {
  readonly folder: string;
  readonly #bazel: Peer;
  readonly #startup: readonly string[];
  readonly #common: readonly string[];
  readonly #dispose: () => void;

  private constructor(bazel: Peer, { major, isDebian, zstd }: BazelTraits, sources: Sources) {
    const temporary = temporaryFolder();
    this.#bazel = bazel;
    this.#dispose = () => {
      removeTree(join(temporary.path, 'root'));
      temporary[Symbol.dispose]();
    };
    this.folder = join(temporary.path, 'workspace');
    mkdirSync(this.folder);
    mkdirSync(join(temporary.path, 'root'));
    for (const [name, text] of Object.entries(sources)) {
      writeFileSync(join(this.folder, name), text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
    }
    this.#startup = [
      `--output_user_root=${temporary.path}/root`,
      '--host_jvm_args=-Xmx1g',
      '--nohome_rc',
      ...(zstd === undefined ? [] : [`--host_jvm_args=-DZstdNativePath=${zstd}`]),
    ];
    const overrides = Object.entries(ruleSets).map(
      ([name, path]) => `--override_repository=${name}=/usr/share/bazel/${path}`,
    );
    this.#common = [
      ...(major >= 7 ? ['--noenable_bzlmod', '--enable_workspace'] : []),
      ...(isDebian ? overrides : []),
      '--color=no',
      '--curses=no',
    ];
  }

  static async make(bazel: Peer, sources = usualSources): Promise<BazelWorkspace> {
    const { output } = await bazel.run(['--version']);
    const major = Number(/^bazel ([0-9]+)/m.exec(output)?.[1]);
    const list = await Peer.find('sh')?.run(['-c', 'ls -d /usr/share/bazel/tools/skylib /usr/lib/*/libzstd-jni.so']);
    const [zstd] = /^\S*libzstd-jni\.so$/m.exec(list?.output ?? '') ?? [];
    return new BazelWorkspace(bazel, { major, isDebian: /^\S*skylib$/m.test(list?.output ?? ''), zstd }, sources);
  }

  /** `--output_user_root` and the like that come before the command. */
  start(startup: readonly string[], command: string, args: readonly string[]) {
    return this.#bazel.start(this.#arguments(startup, command, args), { cwd: this.folder });
  }

  run(command: string, args: readonly string[], startup: readonly string[] = []): Promise<PeerResult> {
    return this.#bazel.run(this.#arguments(startup, command, args), { cwd: this.folder });
  }

  /** Forgets what was built. */
  async clean(startup: readonly string[] = []): Promise<void> {
    await this.run('clean', [], startup);
  }

  #arguments(startup: readonly string[], command: string, args: readonly string[]): string[] {
    const common = ['clean', 'shutdown'].includes(command) ? [] : this.#common;
    return [...this.#startup, ...startup, command, ...common, ...args];
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('shutdown', []);
    this.#dispose();
  }
}

/** Of the line `INFO: 11 processes: 1 remote cache hit, 6 internal, 4 remote.` */
export function processesOf({ output }: PeerResult): Processes {
  const [, list = ''] = /^INFO: [0-9]+ processe?s?: (.*)\.$/m.exec(output) ?? [];
  const count = (name: string) => Number(new RegExp(`([0-9]+) ${name}(?:,|$)`).exec(list)?.[1] ?? 0);
  return {
    hits: count('remote cache hit'),
    remote: count('remote'),
    local: count('linux-sandbox') + count('local') + count('processwrapper-sandbox'),
  };
}
