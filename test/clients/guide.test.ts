import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { markedBlocks, matchesOutput } from '../e2e/marked-blocks.ts';
import { Peer, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const guide = join(import.meta.dirname, '../../docs/guide');

/** What Bazel needs where nothing can be downloaded, in the user's own configuration. */
const offline = ['common --noenable_bzlmod --enable_workspace --color=no --curses=no', ''].join('\n');

const pages = [
  { name: 'bazel.md', programs: ['bazel'] },
  { name: 'recc.md', programs: ['recc', 'gcc', 'trexe', 'casupload', 'casdownload'] },
  { name: 'just.md', programs: ['justbuild'] },
];

describe('the guide to clients', () => {
  for (const { name, programs } of pages) {
    const findProgram = (program: string) =>
      program === 'bazel' ? Peer.findVersion(program, /^bazel [7-8]\./m) : Peer.find(program);
    const missing = unlessInstalled(...programs.map(program => [program, findProgram(program)] as const));
    test(`${name} says what they print`, { skip: missing }, async () => {
      const folder = temporaryFolder();
      await using firn = await ServedFirn.start();
      const cwd = join(folder.path, 'work');
      mkdirSync(cwd);
      writeFileSync(join(folder.path, '.bazelrc'), `startup --output_user_root=${folder.path}/bazel\n${offline}`);
      const here = (text: string) => text.replaceAll('localhost:8980', firn.grpc).replaceAll(/^just /gm, 'justbuild ');
      try {
        for (const { mark, text } of markedBlocks(readFileSync(join(guide, name), 'utf8'))) {
          if (mark.startsWith('file: ')) {
            writeFileSync(join(cwd, mark.slice('file: '.length)), here(text));
            continue;
          }
          // One shell runs all commands of a block, and says where the outputs of one end.
          const commands = Array.from(text.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm));
          const script = commands.map(([, command = '']) => `{ ${here(command)}; } 2>&1; printf '\\001'\n`).join('');
          const result = await Peer.find('sh')?.run(['-c', script], { cwd, env: { HOME: folder.path } });
          const outputs = result?.output.split('\u0001') ?? [];
          for (const [at, [, command = '', expected = '']] of commands.entries()) {
            const shown = outputs[at] ?? '';
            assert.ok(matchesOutput(shown, expected), `$ ${command}\n${shown}`);
          }
        }
      } finally {
        if (programs.includes('bazel'))
          await Peer.find('bazel')?.run(['shutdown'], { cwd, env: { HOME: folder.path } });
        removeTree(folder.path);
      }
    });
  }
});
