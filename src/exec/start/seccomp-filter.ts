/**
 * The system calls that programs in a sandbox are refused. Everything else is allowed: what keeps them in are namespaces
 * and mounts; this is for what these do not cover.
 *
 * - Setuid and setgid bits (EPERM, as C++ Nix): a file with one would outlive the sandbox, owned by the builder's user.
 *   Also those given at creation, which C++ Nix lets pass.
 * - Extended attributes (ENOTSUP, as C++ Nix): a NAR cannot hold them, and access lists would outlive the build.
 * - Typing into the terminal that a program was started from (EPERM): TIOCSTI and TIOCLINUX.
 * - io_uring (ENOSYS): what goes through it passes no filter.
 * - The kernel's key rings (EPERM, as if there were none): they are not in a namespace.
 */
import { BpfProgram } from './bpf-program.ts';

/** The call's number lies at 0 of `struct seccomp_data`, the architecture at 4, six arguments of 64 bits from 16 on. */
const numberAt = 0;
const architectureAt = 4;
const argumentAt = (index: number): number => 16 + index * 8;

const allow = 0x7fff0000;
const killProcess = 0x80000000;
const refuse = (errno: number): number => 0x00050000 | errno;
const EPERM = 1;
const EOPNOTSUPP = 95;
const ENOSYS = 38;

/** The same on all machines. */
const ioUringSetup = 425;

const setuidBits = 0o6000;
const O_CREAT = 0o100;
/** Without O_DIRECTORY, which it contains. */
const O_TMPFILE_BIT = 0o20000000;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;

/** Numbers of system calls; those that an architecture lacks are missing. */
interface SystemCalls {
  /** By the index of the argument that is the mode. */
  readonly mode: Readonly<Record<number, readonly number[]>>;
  /** As `mode`, for calls that create a file by the flags that come before the mode. */
  readonly open: Readonly<Record<number, number | undefined>>;
  readonly openat2: number;
  readonly extendedAttributes: readonly number[];
  readonly keyRings: readonly number[];
  readonly ioctl: number;
}

/** Of Linux's table `asm-generic/unistd.h`, which aarch64 uses. */
const generic: SystemCalls = {
  // fchmod, mkdirat's mode has no such bits; fchmodat, mknodat; fchmodat2.
  mode: { 1: [52], 2: [53, 33, 452] },
  open: { 3: 56 },
  openat2: 437,
  // setxattr to fgetxattr, setxattrat, getxattrat.
  extendedAttributes: [5, 6, 7, 8, 9, 10, 463, 464],
  keyRings: [217, 218, 219],
  ioctl: 29,
};

const x86: SystemCalls = {
  // chmod, fchmod, creat, mknod; fchmodat, mknodat, fchmodat2.
  mode: { 1: [90, 91, 85, 133], 2: [268, 259, 452] },
  open: { 2: 2, 3: 257 },
  openat2: 437,
  extendedAttributes: [188, 189, 190, 191, 192, 193, 463, 464],
  keyRings: [248, 249, 250],
  ioctl: 16,
};

/** x86-64's calls with pointers of 32 bits: the same numbers with this bit, but for some that have numbers of their own. */
const x32Bit = 0x40000000;
const x32Ioctl = 514;

const i386: SystemCalls = {
  // chmod, fchmod, creat, mknod; fchmodat, mknodat, fchmodat2.
  mode: { 1: [15, 94, 8, 14], 2: [306, 297, 452] },
  open: { 2: 5, 3: 295 },
  openat2: 437,
  extendedAttributes: [226, 227, 228, 229, 230, 231, 463, 464],
  keyRings: [286, 287, 288],
  ioctl: 54,
};

/** 32-bit ARM, EABI. */
const arm: SystemCalls = {
  mode: { 1: [15, 94, 8, 14], 2: [333, 324, 452] },
  open: { 2: 5, 3: 322 },
  openat2: 437,
  extendedAttributes: [226, 227, 228, 229, 230, 231, 463, 464],
  keyRings: [309, 310, 311],
  ioctl: 54,
};

interface Architecture {
  readonly name: string;
  /** `AUDIT_ARCH_*`. */
  readonly audit: number;
  readonly calls: SystemCalls;
}

/** What each machine's kernel runs. */
const architectures: { readonly [machine: string]: readonly Architecture[] | undefined } = {
  x64: [
    { name: 'x86-64', audit: 0xc000003e, calls: x86 },
    { name: 'i386', audit: 0x40000003, calls: i386 },
  ],
  arm64: [
    { name: 'aarch64', audit: 0xc00000b7, calls: generic },
    { name: 'arm', audit: 0x40000028, calls: arm },
  ],
};

/** Machines whose calls are known here, as `process.arch` names them. */
export const filteredMachines: readonly string[] = Object.keys(architectures);

/** The filter of `machine` (as `process.arch` names it), or undefined if its calls are not known here. */
export function seccompFilter(machine: string): Buffer | undefined {
  const known = architectures[machine];
  if (known === undefined) return undefined;
  const program = new BpfProgram().load(architectureAt);
  for (const { name, audit } of known) program.jumpIfEqual(audit, name);
  // A kernel that runs yet another machine's programs would let them past the filter.
  program.answer(killProcess);
  for (const architecture of known) appendArchitecture(program, architecture);
  return program.assemble();
}

function appendArchitecture(program: BpfProgram, { name, calls }: Architecture): void {
  const to = (place: string): string => `${name}: ${place}`;
  program.label(name).load(numberAt);
  if (calls === x86) program.and(~x32Bit >>> 0).jumpIfEqual(x32Ioctl, to('ioctl'));
  program.jumpIfEqual(calls.ioctl, to('ioctl')).jumpIfEqual(calls.openat2, to('unknown'));
  program.jumpIfEqual(ioUringSetup, to('unknown'));
  for (const number of calls.extendedAttributes) program.jumpIfEqual(number, to('unsupported'));
  for (const number of calls.keyRings) program.jumpIfEqual(number, to('refused'));
  const modeIndexes = Object.keys(calls.mode);
  for (const index of modeIndexes) {
    for (const number of calls.mode[Number(index)] ?? []) program.jumpIfEqual(number, to(`mode ${index}`));
  }
  for (const [index, number] of Object.entries(calls.open)) {
    if (number !== undefined) program.jumpIfEqual(number, to(`open ${index}`));
  }
  program.answer(allow);
  for (const index of Object.keys(calls.open)) {
    // Without either flag the mode is whatever the register held.
    program.label(to(`open ${index}`));
    program
      .load(argumentAt(Number(index) - 1))
      .jumpIfAnySet(O_CREAT | O_TMPFILE_BIT, to(`mode ${index}`))
      .answer(allow);
  }
  for (const index of new Set([...modeIndexes, ...Object.keys(calls.open)])) {
    program.label(to(`mode ${index}`));
    program
      .load(argumentAt(Number(index)))
      .jumpIfAnySet(setuidBits, to('refused'))
      .answer(allow);
  }
  program
    .label(to('ioctl'))
    .load(argumentAt(1))
    .jumpIfEqual(TIOCSTI, to('refused'))
    .jumpIfEqual(TIOCLINUX, to('refused'));
  program.answer(allow);
  program.label(to('refused')).answer(refuse(EPERM));
  program.label(to('unsupported')).answer(refuse(EOPNOTSUPP));
  // openat2's mode lies in memory, where a filter cannot look. Callers fall back on older calls.
  program.label(to('unknown')).answer(refuse(ENOSYS));
}
