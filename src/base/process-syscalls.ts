/**
 * Starting and reaping processes as Node does not: without copying this process's memory, with arguments of any bytes,
 * as another user, with any descriptors, and with what they used. For a process that starts others and does nothing
 * else: it reaps every child, and changes what belongs to the whole process (umask, limits) or to its main thread
 * (user, personality). Linux with the GNU C library.
 */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { type ByteString, bytesOf } from './bytes.ts';
import { type CLibrary, errorName, loadOnce, syscallFailure } from './ffi-library.ts';

type Fd = number;

const load = loadOnce(library => {
  const i32 = (name: string, ...types: ('i32' | 'buffer' | 'u64' | 'string')[]) =>
    library.getFunction(name, { arguments: types, return: 'i32' });
  return {
    ...library,
    syscall: library.getFunction('syscall', { arguments: ['u64', 'u64', 'u64', 'u64'], return: 'i32' }),
    pipe2: i32('pipe2', 'buffer', 'i32'),
    memfdCreate: i32('memfd_create', 'string', 'i32'),
    fcntl: i32('fcntl', 'i32', 'i32', 'i32'),
    prctl: i32('prctl', 'i32', 'u64'),
    personality: i32('personality', 'u64'),
    getrlimit: i32('getrlimit', 'i32', 'buffer'),
    setrlimit: i32('setrlimit', 'i32', 'buffer'),
    wait4: i32('wait4', 'i32', 'buffer', 'i32', 'buffer'),
    spawn: i32('posix_spawn', 'buffer', 'buffer', 'buffer', 'buffer', 'buffer', 'buffer'),
    actionsInit: i32('posix_spawn_file_actions_init', 'buffer'),
    actionsDestroy: i32('posix_spawn_file_actions_destroy', 'buffer'),
    addDup2: i32('posix_spawn_file_actions_adddup2', 'buffer', 'i32', 'i32'),
    addChdir: i32('posix_spawn_file_actions_addchdir_np', 'buffer', 'buffer'),
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
  const { fcntl, errno } = load();
  const duplicateCloseOnExec = 1030;
  const moved = fcntl(fd, duplicateCloseOnExec, minimum);
  const error = errno();
  closeSync(fd);
  if (moved < 0) throw syscallFailure('fcntl', error);
  return moved;
}

/** Those that this process was started with are open in none that it starts, unless `descriptors` names them. */
export function keepDescriptors(): void {
  const { fcntl } = load();
  const setDescriptorFlags = 2;
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2) fcntl(fd, setDescriptorFlags, 1);
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

const personalities = { linux32: 0x0008, fixedAddresses: 0x0040000 } as const;

export type Personality = keyof typeof personalities;

export interface ProcessStart {
  /** A path. */
  readonly program: ByteString;
  readonly argv: readonly ByteString[];
  /** `NAME=value`. */
  readonly environment: readonly ByteString[];
  /** Ours unless given. */
  readonly workingFolder?: ByteString | undefined;
  /** Its number of each open file to ours. It gets no others. Ours are above all of its own. */
  readonly descriptors: ReadonlyMap<Fd, Fd>;
  readonly umask: number;
  readonly personality?: readonly Personality[] | undefined;
  /** Without supplementary groups; takes root. */
  readonly user?: { readonly user: number; readonly group: number } | undefined;
}

/**
 * Starts a process in a session of its own, with no signal blocked or ignored: its id, or the error number if the
 * program could not be executed. What is waited for is only that the program is loaded.
 */
export function startProcess(start: ProcessStart): { readonly pid: number } | { readonly errno: string } {
  const c = load();
  const program = cString(start.program);
  const argv = new StringArray(c, start.argv);
  const environment = new StringArray(c, start.environment);
  const folder = start.workingFolder === undefined ? undefined : cString(start.workingFolder);
  const actions = Buffer.alloc(sizeOfFileActions);
  if (c.actionsInit(actions) !== 0) throw syscallFailure('posix_spawn_file_actions_init', constants.errno.ENOMEM);
  try {
    if (folder !== undefined) c.addChdir(actions, folder);
    for (const [its, ours] of start.descriptors) c.addDup2(actions, ours, its);
    const pid = new Int32Array(1);
    const error = inState(start, () =>
      c.spawn(pid, program, actions, spawnAttributes(), argv.pointers, environment.pointers),
    );
    return error === 0 ? { pid: pid[0] ?? 0 } : { errno: errorName(error) };
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

function cString(text: ByteString): Buffer {
  const bytes = Buffer.alloc(text.length + 1);
  bytesOf(text).copy(bytes);
  return bytes;
}

/** `char *[]`, ended by a null pointer. Owns the memory of all. */
class StringArray {
  readonly pointers: BigUint64Array;
  readonly #texts: Buffer;

  constructor(library: CLibrary, texts: readonly ByteString[]) {
    this.#texts = Buffer.allocUnsafeSlow(texts.reduce((sum, { length }) => sum + length + 1, 1));
    this.pointers = new BigUint64Array(texts.length + 1);
    const start = library.addressOf(this.#texts);
    let at = 0;
    for (const [index, text] of texts.entries()) {
      this.pointers[index] = start + BigInt(at);
      at += this.#texts.write(text, at, 'latin1');
      this.#texts[at++] = 0;
    }
  }
}

/** Runs `action` with what a process inherits from whoever starts it. */
function inState({ umask, personality = [], user }: ProcessStart, action: () => number): number {
  const c = load();
  const oldMask = process.umask(umask);
  const flags = personality.reduce((sum, name) => sum | personalities[name], 0);
  const oldPersonality = flags === 0 ? undefined : c.personality(0xffffffffn);
  try {
    if (oldPersonality !== undefined) c.personality(BigInt(oldPersonality | flags));
    return user === undefined ? action() : asUser(user, action);
  } finally {
    if (oldPersonality !== undefined) c.personality(BigInt(oldPersonality));
    process.umask(oldMask);
  }
}

/**
 * The calls themselves change one thread, whereas the C library's functions change all. The saved user id stays root's,
 * so that there is a way back; executing a program sets it to the effective one.
 */
function asUser({ user, group }: NonNullable<ProcessStart['user']>, action: () => number): number {
  const { syscall, errno } = load();
  const calls =
    process.arch === 'arm64' ? { user: 147n, group: 149n, groups: 159n } : { user: 117n, group: 119n, groups: 116n };
  const set = (call: bigint, ...[real, effective, saved]: [bigint, bigint, bigint]): void => {
    if (syscall(call, real, effective, saved) !== 0) throw syscallFailure('changing the user', errno());
  };
  const [u, g] = [BigInt(user), BigInt(group)];
  const groups = process.getgroups?.() ?? [];
  set(calls.groups, 0n, 0n, 0n);
  try {
    set(calls.group, g, g, 0n);
    set(calls.user, u, u, 0n);
    return action();
  } finally {
    set(calls.user, 0n, 0n, 0n);
    set(calls.group, 0n, 0n, 0n);
    if (groups.length > 0) process.setgroups?.(groups);
  }
}

/** Kills every process of `user`; takes root. */
export function killProcessesOf(user: number): void {
  const { syscall } = load();
  const killCall = process.arch === 'arm64' ? 129n : 62n;
  // Whoever may signal them and nobody else: not root, so the signal to everybody reaches no one else's.
  asUser({ user, group: user }, () => syscall(killCall, 0xffffffffffffffffn, BigInt(constants.signals.SIGKILL), 0n));
}

export interface EndedProcess {
  readonly pid: number;
  readonly end:
    | { readonly kind: 'exited'; readonly status: number }
    | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };
  /** In microseconds, with that of the processes that it waited for. */
  readonly cpuUser: bigint;
  readonly cpuSystem: bigint;
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
  const [userSeconds = 0n, userMicros = 0n, systemSeconds = 0n, systemMicros = 0n] = usage;
  const signal = code & 0x7f;
  return {
    pid,
    end: signal === 0 ? { kind: 'exited', status: (code >> 8) & 0xff } : { kind: 'killed', signal: signalName(signal) },
    cpuUser: userSeconds * 1_000_000n + userMicros,
    cpuSystem: systemSeconds * 1_000_000n + systemMicros,
  };
}

const signalNames = Object.keys(constants.signals).filter((name): name is NodeJS.Signals => name in constants.signals);

function signalName(signal: number): NodeJS.Signals {
  return signalNames.find(name => constants.signals[name] === signal) ?? 'SIGUNUSED';
}
