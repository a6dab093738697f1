/**
 * Tries to get out of the sandbox that it runs in (sandbox-escape.test.ts): prints a line of JSON for each attempt, its
 * name and `done` or why it was refused. It uses node:ffi itself: it tries calls that nothing else makes.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, constants, openSync, linkSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs';
import { type NetConnectOpts, createConnection } from 'node:net';
import { constants as osConstants } from 'node:os';

const {
  readOnly = '',
  writable = '',
  secret = '',
  port = '',
  abstract = '',
  unixSocket = '',
  hostPid = '',
  sharedMemory = '',
} = process.env;

const ffi = process.getBuiltinModule('node:ffi');
const library = new ffi.DynamicLibrary(null);
const word = ['u64', 'u64', 'u64', 'u64', 'u64', 'u64', 'u64'] as const;
const syscall = library.getFunction('syscall', { arguments: word, return: 'i64' });
const errnoLocation = library.getFunction('__errno_location', { arguments: [], return: 'pointer' });

const isArm = process.arch === 'arm64';
/** By name, for this machine. */
const numbers = isArm
  ? {
      add_key: 217,
      bpf: 280,
      clock_settime: 112,
      fchmod: 52,
      fchmodat: 53,
      fchmodat2: 452,
      getxattr: 8,
      init_module: 105,
      io_uring_setup: 425,
      ioctl: 29,
      keyctl: 219,
      kill: 129,
      linkat: 37,
      mknodat: 33,
      mount: 40,
      open_by_handle_at: 265,
      openat: 56,
      openat2: 437,
      perf_event_open: 241,
      pivot_root: 41,
      ptrace: 117,
      setns: 268,
      setresuid: 147,
      setxattr: 5,
      shmget: 194,
      swapon: 224,
      umount2: 39,
    }
  : {
      add_key: 248,
      bpf: 321,
      clock_settime: 227,
      fchmod: 91,
      fchmodat: 268,
      fchmodat2: 452,
      getxattr: 191,
      init_module: 175,
      io_uring_setup: 425,
      ioctl: 16,
      keyctl: 250,
      kill: 62,
      linkat: 265,
      mknodat: 259,
      mount: 165,
      open_by_handle_at: 304,
      openat: 257,
      openat2: 437,
      perf_event_open: 298,
      pivot_root: 155,
      ptrace: 101,
      setns: 308,
      setresuid: 117,
      setxattr: 188,
      shmget: 29,
      swapon: 167,
      umount2: 166,
    };

const kept: Buffer[] = [];
function text(value: string): bigint {
  const bytes = Buffer.alloc(Math.max(value.length + 1, 128));
  bytes.write(value, 'latin1');
  kept.push(bytes);
  return ffi.getRawPointer(bytes);
}

/** Returns what the call returns, or throws its error. */
function call(name: keyof typeof numbers, ...args: (number | bigint)[]): bigint {
  return callNumber(numbers[name], ...args);
}

function callNumber(number: number, ...args: (number | bigint)[]): bigint {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = args.map(arg => BigInt.asUintN(64, BigInt(arg)));
  const result = syscall(BigInt(number), a, b, c, d, e, f);
  if (result !== -1n) return result;
  const errno = ffi.getInt32(errnoLocation(), 0);
  const found = Object.entries(osConstants.errno).find(([, value]) => value === errno)?.[0];
  throw Object.assign(new Error(found), { code: found ?? errno });
}

/** As the clock is now: a second more or less does no harm. */
const clock = new BigInt64Array(16);
clock[0] = BigInt(Math.floor(Date.now() / 1000));

const here = -100;
const file = `${writable}/file`;
writeFileSync(file, 'x');

function busybox(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('/bin/busybox', args, { encoding: 'latin1' });
  if (status !== 0) throw new Error(stderr.trim() || `status ${status}`);
  return stdout;
}

/** As root of a user namespace of its own, with mounts of its own. */
function inUserNamespace(script: string): void {
  const { status, stdout, stderr } = spawnSync(
    '/bin/busybox',
    ['unshare', '-U', '-r', '-m', '/bin/busybox', 'sh', '-c', `export PATH=; ${script} && echo escaped`],
    { encoding: 'latin1' },
  );
  if (!stdout.includes('escaped')) throw new Error(stderr.trim().split('\n').at(-1) || `status ${status}`);
}

async function connect(options: NetConnectOpts): Promise<void> {
  const socket = createConnection(options);
  try {
    await Promise.race([
      once(socket, 'connect'),
      once(socket, 'error').then(([error]) => {
        throw error;
      }),
    ]);
  } finally {
    socket.destroy();
  }
}

async function sendDatagram(): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) =>
    socket.send('x', 53, '192.0.2.1', error => (error === null ? resolve() : reject(error))),
  ).finally(() => socket.close());
}

const tty = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c };
const [S_IFCHR, S_IFBLK] = [0o020000, 0o060000];

const attempts: Record<string, () => unknown> = {
  'connect to a listener of the host': () => connect({ host: '127.0.0.1', port: Number(port) }),
  'connect to the world': () => connect({ host: '192.0.2.1', port: 80 }),
  'send a datagram to the world': () => sendDatagram(),
  'connect to an abstract socket of the host': () => connect({ path: `\0${abstract}` }),
  'connect to a socket file of the host': () => connect({ path: unixSocket }),

  'read a file of the host': () => readFileSync(secret),
  'read it through the root of the first process': () => readFileSync(`/proc/1/root${secret}`),
  'read it through the parent of the root': () => readFileSync(`/../../../..${secret}`),
  'find what was the root': () => {
    if (!readdirSync('/').some(name => name.startsWith('.firn-host'))) throw new Error('it is gone');
  },
  'open a file by its handle': () => call('open_by_handle_at', here, text('\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0'), 0),
  'see processes of the host': () => readFileSync(`/proc/${hostPid}/status`),
  'see processes of other sandboxes': () => {
    const others = readdirSync('/proc').filter(
      name => /^\d+$/.test(name) && !['1', String(process.pid)].includes(name),
    );
    if (others.length === 0) throw new Error('there are none');
  },
  'signal a process of the host': () => call('kill', Number(hostPid), 0),
  'trace a process of the host': () => call('ptrace', 16, Number(hostPid), 0, 0),
  'write the memory of the first process of the host': () => openSync(`/proc/${hostPid}/mem`, 'r+'),
  'use shared memory of the host': () => call('shmget', Number(sharedMemory), 0, 0),

  'make a setuid file by chmod': () =>
    isArm ? call('fchmodat', here, text(file), 0o4755) : callNumber(90, text(file), 0o4755),
  'make a setgid file by fchmod': () => {
    const fd = openSync(file, 'r');
    try {
      call('fchmod', fd, 0o2755);
    } finally {
      closeSync(fd);
    }
  },
  'make a setuid file by fchmodat': () => call('fchmodat', here, text(file), 0o4755),
  'make a setuid file by fchmodat2': () => call('fchmodat2', here, text(file), 0o4755, 0),
  'make a setuid file by openat': () =>
    call('openat', here, text(`${writable}/a`), constants.O_CREAT | constants.O_WRONLY, 0o4755),
  'make a nameless setuid file': () => call('openat', here, text(writable), 0o20200000 | constants.O_WRONLY, 0o4755),
  'make a setuid file by openat2': () =>
    call('openat2', here, text(`${writable}/b`), text('\x41\0\0\0\0\0\0\0\xed\x09\0\0\0\0\0\0'), 24),
  'make a setuid file by mknodat': () => call('mknodat', here, text(`${writable}/c`), 0o104755, 0),
  'go around the filter by io_uring': () => call('io_uring_setup', 1, text('')),
  ...(isArm ? {} : { 'go around the filter by x32 calls': () => callNumber(0x40000000 + 90, text(file), 0o4755) }),
  'set extended attributes': () => call('setxattr', text(file), text('user.x'), text('y'), 1, 0),
  'read extended attributes': () => call('getxattr', text(file), text('user.x'), text(''), 16),
  'become somebody else': () => call('setresuid', 12_345, 12_345, 12_345),
  'become root of the host by a setuid program': () => {
    if (process.geteuid?.() !== 0) busybox('su', '-c', 'true');
    else throw new Error('is root of nothing');
  },

  'mount a file system': () => call('mount', text('tmpfs'), text('/tmp'), text('tmpfs'), 0, 0),
  unmount: () => call('umount2', text('/tmp'), 2),
  'join the mounts of the first process': () => call('setns', openSync('/proc/1/ns/mnt', 'r'), 0),
  'make what is read-only writable': () =>
    inUserNamespace(`busybox mount -o remount,bind,rw ${readOnly} && busybox touch ${readOnly}/x`),
  'make the root writable': () => inUserNamespace(`busybox mount -o remount,bind,rw / && busybox touch /x`),
  'unmount what hides': () => inUserNamespace(`busybox umount -l ${readOnly}`),
  'mount a block device': () => inUserNamespace(`busybox mknod ${writable}/disk b 8 0`),
  'mount the kernel’s settings anew': () => inUserNamespace('busybox mount -t sysfs sysfs /tmp'),
  'bind it elsewhere and write': () =>
    inUserNamespace(`busybox mkdir -p /tmp/m && busybox mount -o bind ${readOnly} /tmp/m && busybox touch /tmp/m/x`),
  'mount over it all the way up': () =>
    inUserNamespace(`busybox mount -o bind,rw ${readOnly}/.. /tmp && busybox touch /tmp/x`),

  'make a character device': () => call('mknodat', here, text(`${writable}/mem`), S_IFCHR | 0o666, 0x101),
  'make a block device': () => call('mknodat', here, text(`${writable}/disk`), S_IFBLK | 0o666, 0x800),
  'make a device in a user namespace': () => inUserNamespace(`busybox mknod ${writable}/mem c 1 1`),
  'open the host’s memory': () => openSync('/dev/mem', 'r'),
  'open a disk of the host': () =>
    readdirSync('/dev')
      .filter(name => /^(sd|vd|nvme|loop|kmsg|kvm|fuse)/.test(name))
      .map(name => openSync(`/dev/${name}`, 'r'))[0] ?? fs.accessSync('/dev/disk'),
  'add a device': () => writeFileSync('/dev/new', ''),

  'link a read-only file where one can write': () => linkSync(`${readOnly}/file`, `${writable}/link`),
  'link it by its descriptor': () =>
    call(
      'linkat',
      here,
      text(`/proc/self/fd/${openSync(`${readOnly}/file`, 'r')}`),
      here,
      text(`${writable}/link`),
      0x400,
    ),
  'link it in a user namespace': () => inUserNamespace(`busybox ln ${readOnly}/file ${writable}/link`),
  'write to a read-only file': () => openSync(`${readOnly}/file`, 'r+'),
  'write to it by its descriptor': () => openSync(`/proc/self/fd/${openSync(`${readOnly}/file`, 'r')}`, 'r+'),
  'change its mode': () => fs.chmodSync(`${readOnly}/file`, 0o777),
  'change its mode by its descriptor': () => fs.fchmodSync(openSync(`${readOnly}/file`, 'r'), 0o777),
  'change its times': () => fs.utimesSync(`${readOnly}/file`, 0, 0),
  'truncate it': () => fs.truncateSync(`${readOnly}/file`),
  'rename it': () => fs.renameSync(`${readOnly}/file`, `${readOnly}/other`),
  'remove it': () => fs.rmSync(`${readOnly}/file`),
  'make a file beside it': () => writeFileSync(`${readOnly}/new`, ''),
  'write to the root': () => writeFileSync('/new', ''),

  'type into the terminal': () => call('ioctl', 1, tty.TIOCSTI, text('x')),
  'paste into the console': () => call('ioctl', 1, tty.TIOCLINUX, text('\x03')),
  'take a key ring': () => call('keyctl', 0, -3, 0),
  'add a key': () => call('add_key', text('user'), text('x'), text('y'), 1, -3),

  'change the kernel’s settings': () => writeFileSync('/proc/sys/kernel/core_pattern', '|/tmp/x'),
  'press magic keys': () => writeFileSync('/proc/sysrq-trigger', 'h'),
  'rename the host': () => busybox('hostname', 'mine'),
  'set the clock': () => call('clock_settime', 0, ffi.getRawPointer(clock)),
  'load a module': () => call('init_module', text(''), 0, text('')),
  'load a program into the kernel': () => call('bpf', 0, text(''), 48),
  'watch the host': () => call('perf_event_open', text(''), -1, 0, -1, 0),
  swap: () => call('swapon', text(file), 0),
  'change the root': () => call('pivot_root', text('/tmp'), text('/tmp')),
  'see cgroups': () => readdirSync('/sys/fs/cgroup'),
};

for (const [name, attempt] of Object.entries(attempts)) {
  let result: string;
  try {
    await attempt();
    result = 'done';
  } catch (error) {
    result =
      error instanceof Error
        ? `refused: ${('code' in error ? String(error.code) : '') || error.message}`
        : String(error);
  }
  fs.writeSync(1, `${JSON.stringify([name, result])}\n`);
}
process.exit(0);
