import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BpfProgram } from './bpf-program.ts';
import { seccompFilter } from './seccomp-filter.ts';

interface Call {
  readonly architecture: number;
  readonly number: number;
  readonly args: readonly number[];
}

/** What the kernel would answer: the instructions that filters are made of, as seccomp(2) runs them. */
function runFilter(program: Buffer, { architecture, number, args }: Call): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, arg] of args.entries()) data.writeBigUInt64LE(BigInt(arg), 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; at < program.byteLength / 8; at++) {
    const code = program.readUInt16LE(at * 8);
    const [ifTrue, ifFalse] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)];
    const operand = program.readUInt32LE(at * 8 + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0;
    else if (code === 0x15) at += accumulator === operand ? ifTrue : ifFalse;
    else if (code === 0x45) at += (accumulator & operand) === 0 ? ifFalse : ifTrue;
    else if (code === 0x05) at += operand;
    else if (code === 0x06) return answers.get(operand) ?? `answer ${operand}`;
    else assert.fail(`instruction ${code}`);
  }
  return assert.fail('the filter has no end');
}

const answers = new Map([
  [0x7fff0000, 'allowed'],
  [0x80000000, 'killed'],
  [0x00050001, 'EPERM'],
  [0x0005005f, 'ENOTSUP'],
  [0x00050026, 'ENOSYS'],
]);

const [x86, i386, arm64, arm] = [0xc000003e, 0x40000003, 0xc00000b7, 0x40000028];
const [O_CREAT, O_TMPFILE, O_DIRECTORY] = [0o100, 0o20200000, 0o200000];

/** Numbers are those of the kernel's tables of calls. */
const cases: readonly [
  string,
  machine: string,
  architecture: number,
  number: number,
  args: number[],
  answer: string,
][] = [
  ['read', 'x64', x86, 0, [0, 0, 0o6000], 'allowed'],
  ['chmod 0755', 'x64', x86, 90, [1, 0o755], 'allowed'],
  ['chmod 4755', 'x64', x86, 90, [1, 0o4755], 'EPERM'],
  ['chmod 1777', 'x64', x86, 90, [1, 0o1777], 'allowed'],
  ['fchmod 2755', 'x64', x86, 91, [1, 0o2755], 'EPERM'],
  ['fchmodat 4755', 'x64', x86, 268, [1, 2, 0o4755], 'EPERM'],
  ['fchmodat2 6755', 'x64', x86, 452, [1, 2, 0o6755], 'EPERM'],
  ['creat 4755', 'x64', x86, 85, [1, 0o4755], 'EPERM'],
  ['mknod 4755', 'x64', x86, 133, [1, 0o104755], 'EPERM'],
  ['mknodat 2755', 'x64', x86, 259, [1, 2, 0o102755], 'EPERM'],
  ['open that creates 4755', 'x64', x86, 2, [1, O_CREAT, 0o4755], 'EPERM'],
  ['open that creates 0644', 'x64', x86, 2, [1, O_CREAT, 0o644], 'allowed'],
  ['open with a register left over', 'x64', x86, 2, [1, O_DIRECTORY, 0o4755], 'allowed'],
  ['openat that creates 4755', 'x64', x86, 257, [1, 2, O_CREAT, 0o4755], 'EPERM'],
  ['openat of a nameless file 2755', 'x64', x86, 257, [1, 2, O_TMPFILE, 0o2755], 'EPERM'],
  ['openat of a folder', 'x64', x86, 257, [1, 2, O_DIRECTORY, 0o4755], 'allowed'],
  ['openat2', 'x64', x86, 437, [1, 2, 3, 24], 'ENOSYS'],
  ['io_uring_setup', 'x64', x86, 425, [1, 2], 'ENOSYS'],
  ['setxattr', 'x64', x86, 188, [1, 2], 'ENOTSUP'],
  ['fgetxattr', 'x64', x86, 193, [1, 2], 'ENOTSUP'],
  ['listxattr', 'x64', x86, 194, [1, 2], 'allowed'],
  ['ioctl TIOCSTI', 'x64', x86, 16, [0, 0x5412], 'EPERM'],
  ['ioctl TIOCLINUX with rubbish above', 'x64', x86, 16, [0, 0x1_0000_541c], 'EPERM'],
  ['ioctl TCGETS', 'x64', x86, 16, [0, 0x5401], 'allowed'],
  ['keyctl', 'x64', x86, 250, [0], 'EPERM'],
  ['x32 chmod 4755', 'x64', x86, 0x40000000 + 90, [1, 0o4755], 'EPERM'],
  ['x32 ioctl TIOCSTI', 'x64', x86, 0x40000000 + 514, [0, 0x5412], 'EPERM'],
  ['i386 chmod 4755', 'x64', i386, 15, [1, 0o4755], 'EPERM'],
  ['i386 open that creates 4755', 'x64', i386, 5, [1, O_CREAT, 0o4755], 'EPERM'],
  ['i386 fchmodat 4755', 'x64', i386, 306, [1, 2, 0o4755], 'EPERM'],
  ['i386 fsetxattr', 'x64', i386, 228, [1], 'ENOTSUP'],
  ['i386 ioctl TIOCSTI', 'x64', i386, 54, [0, 0x5412], 'EPERM'],
  ['i386 write, which is 4', 'x64', i386, 4, [1, 2, 0o6000], 'allowed'],
  ['a call of another machine', 'x64', arm64, 0, [], 'killed'],
  ['aarch64 fchmodat 4755', 'arm64', arm64, 53, [1, 2, 0o4755], 'EPERM'],
  ['aarch64 fchmod 4755', 'arm64', arm64, 52, [1, 0o4755], 'EPERM'],
  ['aarch64 mknodat 4755', 'arm64', arm64, 33, [1, 2, 0o4755], 'EPERM'],
  ['aarch64 openat that creates 4755', 'arm64', arm64, 56, [1, 2, O_CREAT, 0o4755], 'EPERM'],
  ['aarch64 setxattr', 'arm64', arm64, 5, [1], 'ENOTSUP'],
  ['aarch64 add_key', 'arm64', arm64, 217, [1], 'EPERM'],
  ['aarch64 ioctl TIOCSTI', 'arm64', arm64, 29, [0, 0x5412], 'EPERM'],
  ['arm fchmodat 4755', 'arm64', arm, 333, [1, 2, 0o4755], 'EPERM'],
  ['arm openat that creates 4755', 'arm64', arm, 322, [1, 2, O_CREAT, 0o4755], 'EPERM'],
  ['arm keyctl', 'arm64', arm, 311, [1], 'EPERM'],
];

describe('seccompFilter', () => {
  for (const [name, machine, architecture, number, args, answer] of cases) {
    test(`${name}: ${answer}`, () => {
      const filter = seccompFilter(machine);
      assert.ok(filter !== undefined);
      assert.equal(runFilter(filter, { architecture, number, args }), answer);
    });
  }

  test('knows no other machines', () => assert.equal(seccompFilter('s390x'), undefined));
});

test('BpfProgram refuses jumps that it cannot make', () => {
  assert.throws(() => new BpfProgram().jump('nowhere').assemble(), RangeError);
  assert.throws(() => new BpfProgram().label('back').jumpIfEqual(1, 'back').assemble(), RangeError);
  const far = new BpfProgram().jumpIfEqual(1, 'far');
  for (let count = 0; count < 256; count++) far.load(0);
  assert.throws(() => far.label('far').answer(0).assemble(), RangeError);
});
