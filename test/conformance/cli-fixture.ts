import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packagesFile } from './packages-file.ts';

/** The files that the command lines of the differential test are about. */
export function makeFixture(folder: string): void {
  const file = (path: string | Buffer, contents: string | Buffer): void =>
    writeFileSync(typeof path === 'string' ? join(folder, path) : path, contents);
  file('hello', 'hello\n');
  file('empty', '');
  file('packages.nix', packagesFile);
  file('padded', '12345678');
  file('large', Buffer.alloc(300_001, 'firn'));
  file('run', '#!/bin/sh\n');
  chmodSync(join(folder, 'run'), 0o755);
  symlinkSync('hello', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  symlinkSync('tree', join(folder, 'tree-link'));
  for (const path of ['tree', 'tree/sub', 'tree/sub/empty', 'cases']) mkdirSync(join(folder, path));
  file('tree/a', 'a');
  file('tree/B', 'b');
  file('tree/with space', 'c');
  file('tree/ünïcode', 'd');
  file(Buffer.concat([Buffer.from(`${folder}/tree/bytes-`), Buffer.from([0xff, 0xfe])]), 'e');
  file('tree/sub/x', Buffer.alloc(70_000, 'x'));
  file('tree/sub/run', 'r');
  chmodSync(join(folder, 'tree/sub/run'), 0o711);
  symlinkSync('../a', join(folder, 'tree/sub/up'));
  file('cases/Foo', '1');
  file('cases/foo~nix~case~hack~1', '2');
  mkdirSync(join(folder, 'clash'));
  file('clash/foo', '1');
  file('clash/foo~nix~case~hack~1', '2');
  mkdirSync(join(folder, 'special'));
  execFileSync('mkfifo', [join(folder, 'special/fifo')]);
  mkdirSync(join(folder, 'deep', ...Array.from({ length: 62 }, () => 'd')), { recursive: true });
  mkdirSync(join(folder, 'too-deep', ...Array.from({ length: 63 }, () => 'd')), { recursive: true });
  file('not-a-nar', 'this is no NAR at all, but it is longer than its magic');
  file('tree.nar', narOfTree());
  file('file.nar', nar('(', 'type', 'regular', 'executable', '', 'contents', 'abc', ')'));
  file('link.nar', nar('(', 'type', 'symlink', 'target', 'target of link', ')'));
  file('unsorted.nar', directoryNar(['b', 'a']));
  file('twice.nar', directoryNar(['a', 'a']));
  file('slash.nar', directoryNar(['a/b']));
  file('dots.nar', directoryNar(['..']));
  file('long-name.nar', directoryNar(['n'.repeat(256)]));
  file('cut.nar', narOfTree().subarray(0, 300));
  file('trailing.nar', Buffer.concat([narOfTree(), Buffer.from('trailing bytes')]));
  file('bad-type.nar', nar('(', 'type', 'socket', ')'));
  file('bad-tag.nar', nar('(', 'kind', 'regular', ')'));
  file('empty-target.nar', nar('(', 'type', 'symlink', 'target', '', ')'));
  file('case.nar', directoryNar(['Test', 'test']));
  file('case-collision.nar', directoryNar(['Test', 'Test~nix~case~hack~1', 'test']));
}

/** A NAR of the given strings; lengths and padding are put in. */
export function nar(...strings: readonly string[]): Buffer {
  const field = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    const padded = Buffer.alloc(8 + Math.ceil(bytes.length / 8) * 8);
    padded.writeBigUInt64LE(BigInt(bytes.length));
    bytes.copy(padded, 8);
    return padded;
  };
  return Buffer.concat(['nix-archive-1', ...strings].map(field));
}

const fileNode = (contents: string): string[] => ['(', 'type', 'regular', 'contents', contents, ')'];

function entry(name: string, node: readonly string[]): string[] {
  return ['entry', '(', 'name', name, 'node', ...node, ')'];
}

function directoryNar(names: readonly string[]): Buffer {
  return nar('(', 'type', 'directory', ...names.flatMap(name => entry(name, fileNode(name))), ')');
}

function narOfTree(): Buffer {
  const sub = ['(', 'type', 'directory', ...entry('deep', fileNode('deep')), ')'];
  const link = ['(', 'type', 'symlink', 'target', 'a', ')'];
  const run = ['(', 'type', 'regular', 'executable', '', 'contents', 'run', ')'];
  const entries = [entry('a', fileNode('aaa')), entry('empty', fileNode('')), entry('link', link)];
  return nar('(', 'type', 'directory', ...entries.flat(), ...entry('run', run), ...entry('sub', sub), ')');
}
