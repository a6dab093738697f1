import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { joinStorePath } from '../../../nix-compat/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { findRuntimeRoots } from './runtime-roots.ts';

const path = (letter: string) => joinStorePath(letter.repeat(32), 'x+y.z');
const at = (letter: string, rest = '') => `/nix/store/${path(letter)}${rest}`;

test('programs, folders, files, mappings, environments and the kernel hold paths', async () => {
  using folder = temporaryFolder();
  const proc = folder.path;
  const one = join(proc, '12');
  mkdirSync(join(one, 'fd'), { recursive: true });
  symlinkSync(at('a', '/bin/program'), join(one, 'exe'));
  symlinkSync('/elsewhere', join(one, 'cwd'));
  symlinkSync(at('b'), join(one, 'fd', '3'));
  symlinkSync('socket:[123]', join(one, 'fd', '4'));
  symlinkSync(`/private${at('c', '/file (deleted)')}`, join(one, 'fd', '5'));
  const maps = [
    `7f00-7f01 r-xp 00000000 fe:00 1234      ${at('d', '/lib/libx.so')}`,
    '7f00-7f01 rw-p 00000000 00:00 0 ',
    `7f00-7f01 rw-p 00000000 00:00 0      [heap ${at('0')}]`,
  ];
  writeFileSync(join(one, 'maps'), maps.join('\n'));
  writeFileSync(
    join(one, 'environ'),
    `PATH=${at('f', '/bin')}:${at('g', '/bin')}\0X=/nix/store/short\0Y=\xff${at('f')}`,
    'latin1',
  );
  // A process of which nothing can be seen, and what is none.
  mkdirSync(join(proc, '13'));
  mkdirSync(join(proc, 'sys', 'kernel'), { recursive: true });
  writeFileSync(join(proc, 'sys', 'kernel', 'modprobe'), `${at('h', '/bin/modprobe')}\n`);
  symlinkSync(at('1'), join(proc, 'exe'));

  const roots = await findRuntimeRoots({ storeDirs: ['/nix/store', '/private/nix/store'], procFolder: proc });
  assert.deepEqual(roots.map(root => `${root.path} ${root.holder.replace(proc, '')}`).toSorted(), [
    `${path('a')} /12/exe`,
    `${path('b')} /12/fd/3`,
    `${path('c')} /12/fd/5`,
    `${path('d')} /12/maps`,
    `${path('f')} /12/environ`,
    `${path('g')} /12/environ`,
    `${path('h')} /sys/kernel/modprobe`,
  ]);
  assert.deepEqual(await findRuntimeRoots({ storeDirs: ['/nix/store'], procFolder: join(proc, 'absent') }), []);
});

test('a process of ours', { skip: process.platform !== 'linux' }, async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log()'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { SOMETHING: `(${at('k', '/share')})` },
  });
  await once(child.stdout, 'data');
  try {
    const roots = await findRuntimeRoots({ storeDirs: ['/nix/store'] });
    const ours = roots.filter(root => root.holder.startsWith(`/proc/${child.pid}/`));
    assert.deepEqual(ours, [{ path: path('k'), holder: `/proc/${child.pid}/environ` }]);
  } finally {
    child.stdin.end();
    await once(child, 'close');
  }
});
