/**
 * Compilers that are store paths, made from packages of Debian (which are fetched), on a server that has them, lazily, from
 * another server: actions name them by the platform properties `nix-closure` and `nix-rootfs`, and see nothing of the host.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isRoot, temporaryFolder } from '../../src/testing/index.ts';
import { BazelWorkspace, processesOf } from './bazel-workspace.ts';
import { Peer, type PeerResult, unlessInstalled } from './peer.ts';
import { ServerPair, ToolchainBuilder, type ToolchainKind, type WrittenToolchain, pathsOf } from './store-toolchain.ts';

const bazel = Peer.findVersion('bazel', /^bazel [7-8]\./m);
const recc = Peer.find('recc');

/** Without a file system of ours, closures come whole. */
const withoutMounts = isRoot || existsSync('/usr/bin/fusermount3') ? false : 'not installed: fusermount3';

const kibibyte = 1024;

const programs = {
  'words.h': '#ifdef __cplusplus\nextern "C"\n#endif\nconst char *words(void);\n',
  'words.c': '#include <stdio.h>\n#include "words.h"\nconst char *words(void) { return "words of C"; }\n',
  'plain.c': '#include <stdio.h>\n#include "words.h"\nint main(void) { puts(words()); return 0; }\n',
  'hello.cc': [
    '#include <iostream>',
    '#include <stdexcept>',
    '#include "words.h"',
    '#if __has_include(<flavour.h>)',
    '#include <flavour.h>',
    '#endif',
    '#ifndef FLAVOUR',
    '#define FLAVOUR "plain"',
    '#endif',
    'int main() {',
    '  try { throw std::runtime_error(FLAVOUR); }',
    '  catch (const std::exception &e) { std::cout << e.what() << " C++, " << words() << std::endl; }',
    '}',
    '',
  ].join('\n'),
};

/** The same with one file changed or added, as expressions. */
const changed = {
  bare: `made { inherit firn; flags = ''-DFLAVOUR=\\"changed\\"''; }`,
  'root-file-system': `{
  rootFileSystem = firn.runCommand "changed" { from = firn.rootFileSystem; } ''
    cp -a $from $out
    chmod u+w $out/usr/include
    echo '#define FLAVOUR "changed"' >$out/usr/include/flavour.h
  '';
}`,
};

function expectOk(result: PeerResult): void {
  assert.equal(result.status, 0, result.output);
}

describe('toolchains that are store paths', { skip: withoutMounts }, () => {
  let builder: ToolchainBuilder;

  before(() => {
    builder = new ToolchainBuilder();
  });

  after(() => builder?.[Symbol.dispose]());

  describe('with Bazel', { skip: unlessInstalled(['bazel 7', bazel]) }, () => {
    let servers: ServerPair;
    let workspace: BazelWorkspace;

    before(async () => {
      assert.ok(bazel !== undefined);
      const say = '$(location :hello) > $@; $(location :plain) >> $@; for each in /*; do echo $$each >> $@; done';
      const build = [
        'load(":links.bzl", "links")',
        'cc_library(name = "words", srcs = ["words.c"], hdrs = ["words.h"])',
        'cc_binary(name = "hello", srcs = ["hello.cc"], deps = [":words"])',
        'cc_binary(name = "plain", srcs = ["plain.c"], deps = [":words"])',
        'cc_test(name = "test", srcs = ["hello.cc"], deps = [":words"])',
        `genrule(name = "said", outs = ["said.txt"], tools = [":hello", ":plain"], cmd = "${say}")`,
        'links(name = "links")',
        '',
      ].join('\n');
      workspace = await BazelWorkspace.make(bazel, {
        ...programs,
        BUILD: build,
        WORKSPACE: '',
        'links.bzl': linksRule({ target: '/nix', path: '' }),
      });
      servers = await ServerPair.start('reapi', builder);
    });

    after(async () => {
      await workspace?.[Symbol.asyncDispose]();
      await servers?.[Symbol.asyncDispose]();
    });

    async function run(command: string, targets: readonly string[], { flags }: WrittenToolchain): Promise<PeerResult> {
      const executor = `--remote_executor=grpc://${servers.server.grpc}`;
      const result = await workspace.run(command, [...targets, ...flags, executor, '--verbose_failures']);
      expectOk(result);
      return result;
    }

    /** What the programs say, in an action, and what is in its root. */
    async function said(toolchain: WrittenToolchain): Promise<{ readonly lines: string[]; readonly remote: number }> {
      const { remote, local } = processesOf(await run('build', ['//:said'], toolchain));
      assert.equal(local, 0);
      const lines = readFileSync(join(workspace.folder, 'bazel-bin/said.txt'), 'utf8').trimEnd().split('\n');
      return { lines, remote };
    }

    /** Builds and runs all, on a server that has nothing of the toolchain yet: what is in the root of an action. */
    async function sayAnew(toolchain: WrittenToolchain): Promise<string[]> {
      await servers.publish(builder, pathsOf(toolchain));
      const { download } = servers;
      let names: string[] = [];
      const { received } = await download.count(async () => {
        const { lines, remote } = await said(toolchain);
        assert.deepEqual(lines.slice(0, 2), ['plain C++, words of C', 'words of C']);
        assert.ok(remote > 0);
        names = lines.slice(2);
      });
      const size = await builder.sizeOf(pathsOf(toolchain));
      assert.ok(received < size / 2, `${received} of ${size} bytes came`);
      return names;
    }

    /** Changes one file of a toolchain: bytes that publishing it and building with it took. */
    async function sayChanged(kind: Extract<ToolchainKind, keyof typeof changed>) {
      const toolchain = await builder.write(workspace.folder, kind, { kind });
      assert.equal((await said(toolchain)).lines[0], 'plain C++, words of C');
      const usual = JSON.stringify(toolchain.properties);
      // What is there is asked about in any case.
      const asked = await servers.publish(builder, pathsOf(toolchain));
      const file = builder.expression(`${kind}.nix`, changed[kind]);
      const other = await builder.write(workspace.folder, kind, { kind, file });
      assert.notEqual(JSON.stringify(other.properties), usual);
      const sent = (await servers.publish(builder, pathsOf(other))) - asked;
      const { received } = await servers.download.count(async () => {
        const { lines, remote } = await said(other);
        assert.equal(lines[0], 'changed C++, words of C');
        assert.ok(remote > 0);
      });
      // As it was before, all is known.
      await builder.write(workspace.folder, kind, { kind });
      await workspace.clean();
      const again = await said(toolchain);
      assert.equal(again.lines[0], 'plain C++, words of C');
      assert.equal(again.remote, 0);
      return { sent, received };
    }

    test('compiles and runs C and C++ in actions that name a closure', async () => {
      const toolchain = await builder.write(workspace.folder, 'bare', { kind: 'bare' });
      const names = await sayAnew(toolchain);
      assert.deepEqual(names, ['/build', '/dev', '/etc', '/nix', '/proc', '/tmp', '/var']);
      // What nobody read did not come.
      const gcc = pathsOf(toolchain).find(path => path.endsWith('-gcc')) ?? '';
      const [triple = ''] = (await builder.firn(['store', 'ls', `${gcc}/usr/lib/gcc`])).trim().split('\n');
      const parts = join(gcc, 'usr/lib/gcc', triple, '12');
      assert.ok(await servers.hasBlob(builder.sha256(join(parts, 'cc1'))));
      assert.ok(!(await servers.hasBlob(builder.sha256(join(parts, 'lto1')))));
    });

    test('compiles anew where one file of a closure changed, and moves that alone', async () => {
      const { sent, received } = await sayChanged('bare');
      assert.ok(sent < 32 * kibibyte, `${sent} bytes were sent`);
      assert.ok(received < 100 * kibibyte, `${received} bytes came`);
    });

    test('compiles and runs C and C++, and tests, in actions that name a root file system', async () => {
      const kind = 'root-file-system';
      const toolchain = await builder.write(workspace.folder, kind, { kind });
      const names = await sayAnew(toolchain);
      const ofHosts = new Set(['/home', '/opt', '/root', '/run', '/srv']);
      assert.deepEqual(
        names.filter(name => ofHosts.has(name)),
        [],
      );
      await run('test', ['//:test', '--test_output=errors'], toolchain);
    });

    test('compiles anew where one file of a root file system changed, and moves that alone', async () => {
      const { sent, received } = await sayChanged('root-file-system');
      // The directories of a tree go and come in one message, whichever of them changed.
      assert.ok(sent < 500 * kibibyte, `${sent} bytes were sent`);
      assert.ok(received < 500 * kibibyte, `${received} bytes came`);
    });

    test('runs tests where a small root is beside the closure', async () => {
      const toolchain = await builder.write(workspace.folder, 'firn', { kind: 'closure' });
      await servers.publish(builder, pathsOf(toolchain));
      await run('test', ['//:test', '--test_output=errors'], toolchain);
      assert.equal((await said(toolchain)).lines[1], 'words of C');
    });

    test('has actions with symlinks into the store, and such that leave symlinks', async () => {
      const toolchain = await builder.write(workspace.folder, 'bare', { kind: 'bare' });
      const target = await publishNote(builder, servers);
      const rule = linksRule({ target, path: `${busyboxOf(toolchain)}/bin` });
      writeFileSync(join(workspace.folder, 'links.bzl'), rule);
      await run('build', ['//:links'], toolchain);
      const bin = join(workspace.folder, 'bazel-bin');
      assert.equal(readFileSync(join(bin, 'read.txt'), 'utf8'), 'a note\n');
      assert.equal(readlinkSync(join(bin, 'absolute')), target);
      assert.equal(readlinkSync(join(bin, 'relative')), 'read.txt');
      await workspace.clean();
      const { hits, remote } = processesOf(await run('build', ['//:links'], toolchain));
      assert.ok(hits > 0 && remote === 0);
      assert.equal(readlinkSync(join(bin, 'absolute')), target);
    });
  });

  describe('with recc', { skip: unlessInstalled(['recc', recc]) }, () => {
    let servers: ServerPair;
    let folder: ReturnType<typeof temporaryFolder>;

    before(async () => {
      folder = temporaryFolder();
      for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder.path, name), text);
      servers = await ServerPair.start('http', builder);
    });

    after(async () => {
      await servers?.[Symbol.asyncDispose]();
      folder?.[Symbol.dispose]();
    });

    interface Files {
      readonly inputs: string;
      readonly outputs?: string;
    }

    /** Nothing of the compiler is on this side: recc is told what to send and what to get. */
    async function run(
      command: readonly string[],
      files: Files,
      more: Readonly<Record<string, string>>,
    ): Promise<string> {
      const env = {
        RECC_SERVER: `http://${servers.server.grpc}`,
        RECC_PROJECT_ROOT: folder.path,
        RECC_FORCE_REMOTE: '1',
        RECC_DEPS_OVERRIDE: files.inputs,
        ...(files.outputs === undefined ? {} : { RECC_OUTPUT_FILES_OVERRIDE: files.outputs }),
        ...more,
      };
      const result = await recc?.run(command, { cwd: folder.path, env });
      assert.ok(result !== undefined);
      expectOk(result);
      return result.output;
    }

    async function compileAndRun(toolchain: WrittenToolchain): Promise<string> {
      const { bin } = toolchain;
      const more = variablesOf(toolchain);
      const steps = [
        { command: 'cc -c words.c', inputs: 'words.c,words.h', outputs: 'words.o' },
        { command: 'cc -c plain.c', inputs: 'plain.c,words.h', outputs: 'plain.o' },
        { command: 'c++ -c hello.cc', inputs: 'hello.cc,words.h', outputs: 'hello.o' },
        { command: 'c++ plain.o words.o -o plain', inputs: 'plain.o,words.o', outputs: 'plain' },
        { command: 'c++ hello.o words.o -o hello', inputs: 'hello.o,words.o', outputs: 'hello' },
      ];
      for (const { command, ...files } of steps) await run(`${bin}/${command}`.split(' '), files, more);
      return (await run(['./plain'], { inputs: 'plain' }, more)) + (await run(['./hello'], { inputs: 'hello' }, more));
    }

    async function publish(from: { readonly kind: ToolchainKind; readonly file?: string }): Promise<WrittenToolchain> {
      const toolchain = await builder.write(join(folder.path, 'bazel'), 'firn', from);
      await servers.publish(builder, pathsOf(toolchain));
      return toolchain;
    }

    for (const kind of ['bare', 'root-file-system'] as const) {
      test(`compiles and runs C and C++, and anew where one file changed: ${kind}`, async () => {
        const toolchain = await publish({ kind });
        const all = await servers.download.count(async () => {
          assert.equal(await compileAndRun(toolchain), 'words of C\nplain C++, words of C\n');
        });
        const size = await builder.sizeOf(pathsOf(toolchain));
        assert.ok(all.received < size / 2, `${all.received} of ${size} bytes came`);
        const other = await publish({ kind, file: builder.expression(`${kind}.nix`, changed[kind]) });
        const { received } = await servers.download.count(async () => {
          assert.equal(await compileAndRun(other), 'words of C\nchanged C++, words of C\n');
        });
        assert.ok(received < 100 * kibibyte, `${received} bytes came`);
      });
    }

    test('reads properties from its file of settings', async () => {
      const { bin, properties } = await publish({ kind: 'bare' });
      mkdirSync(join(folder.path, 'recc'));
      const line = `remote_platform_nix-closure=${properties['nix-closure']}\n`;
      writeFileSync(join(folder.path, 'recc/recc.conf'), line);
      await run([`${bin}/cc`, '-O1', '-c', 'plain.c'], { inputs: 'plain.c,words.h', outputs: 'plain.o' }, {});
    });

    test('has actions with symlinks into the store, and such that leave symlinks', async () => {
      const toolchain = await publish({ kind: 'bare' });
      const target = await publishNote(builder, servers);
      const script = [
        `#!${busyboxOf(toolchain)}/bin/sh`,
        'cat note >read.txt',
        `ln -s ${target} absolute`,
        'mkdir out',
        `ln -s ${target} out/absolute`,
        'ln -s ../read.txt out/relative',
        '',
      ].join('\n');
      writeFileSync(join(folder.path, 'make-links'), script);
      chmodSync(join(folder.path, 'make-links'), 0o755);
      symlinkSync(target, join(folder.path, 'note'));
      const files = { inputs: 'make-links', outputs: 'read.txt,absolute' };
      await run(['./make-links'], files, {
        ...variablesOf(toolchain),
        RECC_REMOTE_ENV_PATH: `${busyboxOf(toolchain)}/bin`,
        RECC_DEPS_EXTRA_SYMLINKS: 'note',
        RECC_OUTPUT_DIRECTORIES_OVERRIDE: 'out',
      });
      assert.equal(readFileSync(join(folder.path, 'read.txt'), 'utf8'), 'a note\n');
      assert.equal(readlinkSync(join(folder.path, 'absolute')), target);
      assert.equal(readlinkSync(join(folder.path, 'out/absolute')), target);
      assert.equal(readlinkSync(join(folder.path, 'out/relative')), '../read.txt');
    });
  });
});

/** For recc. Names of variables may have dashes, though shells cannot set such. */
function variablesOf({ properties }: WrittenToolchain): Record<string, string> {
  const entries = Object.entries(properties).map(([name, value]) => [`RECC_REMOTE_PLATFORM_${name}`, value] as const);
  return Object.fromEntries<string>(entries);
}

/** A store path, published, that is in no toolchain. */
async function publishNote(builder: ToolchainBuilder, servers: ServerPair): Promise<string> {
  using folder = temporaryFolder();
  const file = join(folder.path, 'note');
  writeFileSync(file, 'a note\n');
  const path = (await builder.firn(['store', 'add', file])).trim();
  await servers.publish(builder, [path]);
  return path;
}

function busyboxOf(toolchain: WrittenToolchain): string {
  return pathsOf(toolchain).find(path => path.endsWith('-busybox')) ?? assert.fail();
}

/** A rule of Bazel with one action that has a symlink to `target` among its inputs, and two among its outputs. */
function linksRule({ target, path }: { readonly target: string; readonly path: string }): string {
  return `
def _links(ctx):
    given = ctx.actions.declare_symlink("given")
    ctx.actions.symlink(output = given, target_path = "${target}")
    read = ctx.actions.declare_file("read.txt")
    made = [ctx.actions.declare_symlink(name) for name in ["absolute", "relative"]]
    command = "cd {folder} && cat given >read.txt && ln -s $(readlink given) absolute && ln -s read.txt relative"
    ctx.actions.run_shell(
        inputs = [given],
        outputs = [read] + made,
        command = command.format(folder = read.dirname),
        env = {"PATH": "${path}"},
    )
    return [DefaultInfo(files = depset([read] + made))]

links = rule(implementation = _links)
`;
}
