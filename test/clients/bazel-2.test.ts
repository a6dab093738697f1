import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { Peer, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

/** As `scripts/install-clients` gets it from npm. */
const installed = join(
  import.meta.dirname,
  '../../.cache/clients/node_modules/@bazel/bazel-linux_x64/bazel-2.1.0-linux-x86_64',
);
const path = process.env['PEER_BAZEL_2'] ?? installed;
const bazel = existsSync(path) ? Peer.at(path) : undefined;

const sources: Readonly<Record<string, string>> = {
  WORKSPACE: '',
  BUILD: `
genrule(name = "hello", srcs = ["hello.c", "greet.h"], outs = ["hello.bin"], cmd = "gcc -I. -o $@ $(location hello.c)", executable = True)
genrule(name = "made", outs = ["made.txt"], cmd = "echo made > $@")
genrule(name = "fails", outs = ["never"], cmd = "echo this is why it fails; exit 3")
`,
  'greet.h': 'const char *greeting = "hello from an old bazel";\n',
  'hello.c': '#include "greet.h"\n#include <stdio.h>\nint main() { puts(greeting); }\n',
};

/** Speaks REAPI 2.0: outputs are named by output_files, and digests by their length alone. */
describe('Bazel 2.1.0', { skip: unlessInstalled(['@bazel/bazel-linux_x64 2.1.0', bazel]) }, () => {
  for (const what of ['remote_cache', 'remote_executor']) {
    test(`uses it by --${what}`, async () => {
      assert.ok(bazel !== undefined);
      using folder = temporaryFolder();
      const cwd = join(folder.path, 'workspace');
      mkdirSync(cwd);
      mkdirSync(join(folder.path, 'root'));
      for (const [name, text] of Object.entries(sources)) writeFileSync(join(cwd, name), text);
      await using firn = await ServedFirn.start({ isHere: true });
      const run = (...args: string[]) => {
        return bazel.run([`--output_user_root=${folder.path}/root`, '--nohome_rc', ...args], { cwd });
      };
      const flags = [`--${what}=grpc://${firn.grpc}`, '--color=no', '--curses=no'];
      try {
        for (const isFirst of [true, false]) {
          const built = await run('build', '//:hello', '//:made', ...flags);
          assert.equal(built.status, 0, built.output);
          if (!isFirst) assert.match(built.output, /^INFO: 2 processes: 2 remote cache hit\.$/m);
          else if (what === 'remote_executor') assert.match(built.output, /^INFO: 2 processes: 2 remote\.$/m);
          assert.equal(readFileSync(join(cwd, 'bazel-bin/made.txt'), 'utf8'), 'made\n');
          const { output } = await Peer.at(join(cwd, 'bazel-bin/hello.bin')).run([]);
          assert.equal(output, 'hello from an old bazel\n');
          await run('clean');
        }
        const failed = await run('build', '//:fails', ...flags);
        assert.equal(failed.status, 1, failed.output);
        assert.match(failed.output, /this is why it fails/);
      } finally {
        await run('shutdown');
        removeTree(join(folder.path, 'root'));
      }
    });
  }
});
