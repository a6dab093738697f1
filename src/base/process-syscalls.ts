/**
 * Starting and reaping processes as Node does not: without copying this process's memory, as another user without a way
 * back, with any descriptors, and with what they used. For a process that starts others and does nothing else: it reaps
 * every child, and changes its limits and, for moments, the user of its main thread. Linux with the GNU C library.
 */
import { closeSync, constants as fileConstants, openSync, readdirSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { loadFcntl } from './fcntl-syscall.ts';
import { nameOfErrno, loadOnce, syscallFailure } from './ffi-library.ts';

type Fd = number;

const load = loadOnce(library => {
  const i32 = (name: string, ...types: ('i32' | 'buffer' | 'string' | 'u64')[]) =>
    library.getFunction(name, { arguments: types, return: 'i32' });
  return {
    ...library,
    syscall: library.getFunction('syscall', { arguments: ['u64', 'u64', 'u64', 'u64'], return: 'i32' }),
    pipe2: i32('pipe2', 'buffer', 'i32'),
    memfdCreate: i32('memfd_create', 'string', 'i32'),
    prctl: i32('prctl', 'i32', 'u64'),
    getrlimit: i32('getrlimit', 'i32', 'buffer'),
    setrlimit: i32('setrlimit', 'i32', 'buffer'),
    wait4: i32('wait4', 'i32', 'buffer', 'i32', 'buffer'),
    spawn: i32('posix_spawn', 'buffer', 'string', 'buffer', 'buffer', 'buffer', 'buffer'),
    actionsInit: i32('posix_spawn_file_actions_init', 'buffer'),
    actionsDestroy: i32('posix_spawn_file_actions_destroy', 'buffer'),
    addDup2: i32('posix_spawn_file_actions_adddup2', 'buffer', 'i32', 'i32'),
    attributesInit: i32('posix_spawnattr_init', 'buffer'),
    setFlags: i32('posix_spawnattr_setflags', 'buffer', 'i32'),
    setSignalMask: i32('posix_spawnattr_setsigmask', 'buffer', 'buffer'),
    setSignalDefault: i32('posix_spawnattr_setsigdefault', 'buffer', 'buffer'),
  };
});

const closeOnExec = 0o2000000;

/** Both ends close when this process starts another. */
export function makePipe(): { readonly readEnd: Fd; readonly writeEnd: Fd } {
  const { pipe2, errno } = load();
  const ends = new Int32Array(2);
  if (pipe2(ends, closeOnExec) !== 0) throw syscallFailure('pipe2', errno());
  const [readEnd = -1, writeEnd = -1] = ends;
  return { readEnd, writeEnd };
}

/** A file of no file system that holds `contents`, at its beginning. */
export function makeMemoryFile(contents: Uint8Array): Fd {
  const fd = createMemoryFile(1);
  for (let at = 0; at < contents.byteLength;) at += writeSync(fd, contents, at, contents.byteLength - at, at);
  return fd;
}

/** A program of no file system: nobody has it open for writing, else it could not be executed. */
export function makeMemoryProgram(contents: Uint8Array): Fd {
  const allowExecution = 0x10;
  let fd: Fd;
  try {
    fd = createMemoryFile(1 | allowExecution);
  } catch {
    // The flag is Linux 6.3's; before, all of them were executable.
    fd = createMemoryFile(1);
  }
  try {
    writeSync(fd, contents);
    return openSync(`/proc/self/fd/${fd}`, 'r');
  } finally {
    closeSync(fd);
  }
}

function createMemoryFile(flags: number): Fd {
  const { memfdCreate, errno } = load();
  const fd = memfdCreate('firn', flags);
  if (fd < 0) throw syscallFailure('memfd_create', errno());
  return fd;
}

/** The same open file under another number that is at least `minimum`; `fd` is closed. */
export function moveDescriptor(fd: Fd, minimum: number): Fd {
  if (fd >= minimum) return fd;
  const { fcntl, errno } = loadFcntl();
  const duplicateCloseOnExec = 1030;
  const moved = fcntl(fd, duplicateCloseOnExec, BigInt(minimum));
  const error = errno();
  closeSync(fd);
  if (moved < 0) throw syscallFailure('fcntl', error);
  return moved;
}

/** Reading from it fails with EAGAIN when there is nothing yet. */
export function setNonBlocking(fd: Fd): void {
  const { fcntl, errno } = loadFcntl();
  const setStatusFlags = 4;
  if (fcntl(fd, setStatusFlags, BigInt(fileConstants.O_NONBLOCK)) !== 0) throw syscallFailure('fcntl', errno());
}

/** Those that this process was started with are open in none that it starts, unless `descriptors` names them. */
export function keepDescriptors(): void {
  const { fcntl } = loadFcntl();
  const setDescriptorFlags = 2;
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2) fcntl(fd, setDescriptorFlags, 1n);
  }
}

/** From now on, processes whose parents have ended are this one's children. */
export function adoptOrphans(): void {
  const { prctl, errno } = load();
  const setChildSubreaper = 36;
  if (prctl(setChildSubreaper, 1n) !== 0) throw syscallFailure('prctl', errno());
}

const resources = { stack: 3, core: 4 } as const;

/** Lowers the soft limit to `soft` at most; `core` also the hard one. What is started inherits it. */
export function lowerLimit(resource: keyof typeof resources, soft: bigint): void {
  const { getrlimit, setrlimit, errno } = load();
  const limits = new BigUint64Array(2);
  if (getrlimit(resources[resource], limits) !== 0) throw syscallFailure('getrlimit', errno());
  const [current = 0n, hard = 0n] = limits;
  limits[0] = current < soft ? current : soft;
  limits[1] = resource === 'core' ? limits[0] : hard;
  if (setrlimit(resources[resource], limits) !== 0) throw syscallFailure('setrlimit', errno());
}

export interface ProcessStart {
  /** A path. It gets no arguments and no environment. */
  readonly program: string;
  /** Its number of each open file to ours. It gets no others. Ours are above all of its own. */
  readonly descriptors: ReadonlyMap<Fd, Fd>;
  /** Without supplementary groups; takes root. */
  readonly user?: UserIds | undefined;
}

interface UserIds {
  readonly user: number;
  readonly group: number;
}

/**
 * Starts a process in a session of its own, with no signal blocked or ignored: its id, or the error number if the
 * program could not be executed. What is waited for is only that the program is loaded.
 */
export function startProcess(start: ProcessStart): { readonly pid: number } | { readonly errno: string } {
  const c = load();
  const actions = Buffer.alloc(sizeOfFileActions);
  if (c.actionsInit(actions) !== 0) throw syscallFailure('posix_spawn_file_actions_init', constants.errno.ENOMEM);
  try {
    for (const [its, ours] of start.descriptors) c.addDup2(actions, ours, its);
    const pid = new Int32Array(1);
    const nothing = new BigUint64Array(1);
    const spawn = (): number => c.spawn(pid, start.program, actions, spawnAttributes(), nothing, nothing);
    const error = start.user === undefined ? spawn() : asUser(start.user, spawn);
    return error === 0 ? { pid: pid[0] ?? 0 } : { errno: nameOfErrno(error) };
  } finally {
    c.actionsDestroy(actions);
  }
}

// Of the GNU C library on 64-bit machines: 80, 336 and 128 bytes.
const sizeOfFileActions = 128;
const sizeOfAttributes = 512;
const sizeOfSignalSet = 128;

let attributes: Buffer | undefined;

function spawnAttributes(): Buffer {
  if (attributes !== undefined) return attributes;
  const { attributesInit, setFlags, setSignalMask, setSignalDefault } = load();
  const made = Buffer.alloc(sizeOfAttributes);
  const setSignalDefaultFlag = 0x04;
  const setSignalMaskFlag = 0x08;
  const setSessionFlag = 0x80;
  attributesInit(made);
  setFlags(made, setSignalDefaultFlag | setSignalMaskFlag | setSessionFlag);
  setSignalMask(made, Buffer.alloc(sizeOfSignalSet));
  setSignalDefault(made, Buffer.alloc(sizeOfSignalSet, 0xff));
  attributes = made;
  return made;
}

/**
 * The calls themselves change one thread, whereas the C library's functions change all. The saved user id stays root's,
 * so that there is a way back; executing a program sets it to the effective one.
 */
function asUser({ user, group }: UserIds, action: () => number): number {
  const { syscall, errno } = load();
  const { setUser, setGroup } = callNumbers();
  const set = (call: bigint, id: number): void => {
    if (syscall(call, BigInt(id), BigInt(id), 0n) !== 0) throw syscallFailure('changing the user', errno());
  };
  const groups = process.getgroups?.() ?? [];
  setGroups([]);
  try {
    set(setGroup, group);
    set(setUser, user);
    return action();
  } finally {
    set(setUser, 0);
    set(setGroup, 0);
    setGroups(groups);
  }
}

function setGroups(groups: readonly number[]): void {
  const { syscall, errno, addressOf } = load();
  const list = new Uint32Array(Math.max(groups.length, 16));
  list.set(groups);
  if (syscall(callNumbers().setGroups, BigInt(groups.length), addressOf(list), 0n) !== 0) {
    throw syscallFailure('setgroups', errno());
  }
}

interface CallNumbers {
  readonly setUser: bigint;
  readonly setGroup: bigint;
  readonly setGroups: bigint;
  readonly kill: bigint;
}

/** Of setresuid, setresgid, setgroups and kill. */
function callNumbers(): CallNumbers {
  return process.arch === 'arm64'
    ? { setUser: 147n, setGroup: 149n, setGroups: 159n, kill: 129n }
    : { setUser: 117n, setGroup: 119n, setGroups: 116n, kill: 62n };
}

/** Kills every process of `user`; takes root. */
export function killProcessesOf(user: number): void {
  const { syscall } = load();
  const everybody = 0xffffffffffffffffn;
  // Whoever the user may signal, and nobody else: this thread has no privileges then.
  asUser({ user, group: user }, () => syscall(callNumbers().kill, everybody, BigInt(constants.signals.SIGKILL), 0n));
}

export interface EndedProcess {
  readonly pid: number;
  readonly end:
    | { readonly kind: 'exited'; readonly status: number }
    | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };
  /** In microseconds, with that of the processes that it waited for. */
  readonly cpuUser: bigint;
  readonly cpuSystem: bigint;
  /** The most that it, or one that it waited for, had in memory, in bytes. */
  readonly peakMemory: bigint;
}

/** A child that has ended, which is then forgotten; undefined if there is none. */
export function reapProcess(): EndedProcess | undefined {
  const { wait4 } = load();
  const noHang = 1;
  const status = new Int32Array(1);
  const usage = new BigInt64Array(32);
  const pid = wait4(-1, status, noHang, usage);
  if (pid <= 0) return undefined;
  const [code = 0] = status;
  const [userSeconds = 0n, userMicros = 0n, systemSeconds = 0n, systemMicros = 0n, peakKilobytes = 0n] = usage;
  const signal = code & 0x7f;
  return {
    pid,
    end: signal === 0 ? { kind: 'exited', status: (code >> 8) & 0xff } : { kind: 'killed', signal: signalName(signal) },
    cpuUser: userSeconds * 1_000_000n + userMicros,
    cpuSystem: systemSeconds * 1_000_000n + systemMicros,
    peakMemory: peakKilobytes * 1024n,
  };
}

const signalNames = Object.keys(constants.signals).filter((name): name is NodeJS.Signals => name in constants.signals);

function signalName(signal: number): NodeJS.Signals {
  return signalNames.find(name => constants.signals[name] === signal) ?? 'SIGUNUSED';
}
