/**
 * The first program of every sandbox: machine code of some 240 bytes that becomes the action's program. bubblewrap cannot
 * do what it does:
 *
 * - call a program by another name than its path (0.9 and newer can),
 * - hand over an environment without adding to it (`PWD`), and without being exposed to it (`LD_PRELOAD`),
 * - say whether the sandbox could not be made, the program could not be executed, or it ended with that status,
 * - let whoever started it be the parent of the program, whose exact end and usage only a parent learns, so that the
 *   program dies with that parent, even one that dies meanwhile.
 *
 * Protocol: it writes a zero byte to descriptor 2 and waits for a byte on 7, whose other end is open as long as its owner
 * lives. If the program cannot be executed, it writes the error number to what was 2. Arguments: the path of the program,
 * its environment (entries are not empty), an empty argument, the program's arguments.
 */

/** Descriptors that the program is started with. */
export const startDescriptors = { itself: 5, go: 7 } as const;

// Each line: the code, the assembly that it is.
const x64 = [
  // write(2, "\0", 1): the sandbox stands
  '4889e34883ec10c6042400bf020000004889e6ba01000000b8010000000f05', // movq %rsp, %rbx; subq $16, %rsp; movb $0, (%rsp); movl $2, %edi; movq %rsp, %rsi; movl $1, %edx; movl $1, %eax; syscall
  // read(7, buffer, 1)
  'bf0700000031c00f05', // movl $7, %edi; xorl %eax, %eax; syscall
  // … unless it gave one byte, leave
  '83f8010f85ad000000', // cmpl $1, %eax; jne fail
  // prctl(PR_SET_PDEATHSIG, SIGKILL)
  'bf01000000be09000000b89d0000000f05', // movl $1, %edi; movl $9, %esi; movl $157, %eax; syscall
  // poll(7, no events, no waiting)
  '48c70424070000004889e7be0100000031d2b8070000000f05', // movq $7, (%rsp); movq %rsp, %rdi; movl $1, %esi; xorl %edx, %edx; movl $7, %eax; syscall
  // … unless its other end is open, leave
  '85c0757f', // testl %eax, %eax; jnz fail
  // fcntl(2, F_DUPFD_CLOEXEC, 8)
  'bf02000000be06040000ba08000000b8480000000f05', // movl $2, %edi; movl $1030, %esi; movl $8, %edx; movl $72, %eax; syscall
  // … and keep its number
  '4189c4', // movl %eax, %r12d
  // dup2(1, 2)
  'bf01000000be02000000b8210000000f05', // movl $1, %edi; movl $2, %esi; movl $33, %eax; syscall
  // close(5)
  'bf05000000b8030000000f05', // movl $5, %edi; movl $3, %eax; syscall
  // close(7)
  'bf07000000b8030000000f05', // movl $7, %edi; movl $3, %eax; syscall
  // the environment ends at the empty argument
  '488d53184889d6488b064883c60880380075f448c746f800000000', // leaq 24(%rbx), %rdx; movq %rdx, %rsi; 1: movq (%rsi), %rax; addq $8, %rsi; cmpb $0, (%rax); jne 1b; movq $0, -8(%rsi)
  // execve(argv[1], after it, argv + 2)
  '488b7b10b83b0000000f05', // movq 16(%rbx), %rdi; movl $59, %eax; syscall
  // write(duplicate of 2, errno, 1)
  'f7d88804244489e74889e6ba01000000b8010000000f05', // negl %eax; movb %al, (%rsp); movl %r12d, %edi; movq %rsp, %rsi; movl $1, %edx; movl $1, %eax; syscall
  // exit_group(127)
  'bf7f000000b8e70000000f05', // fail: movl $127, %edi; movl $231, %eax; syscall
];

const arm64 = [
  // write(2, "\0", 1): the sandbox stands
  'f4030091ff4300d1ff0300f9400080d2e1030091220080d2080880d2010000d4', // mov x20, sp; sub sp, sp, #16; str xzr, [sp]; mov x0, #2; mov x1, sp; mov x2, #1; mov x8, #64; svc #0
  // read(7, buffer, 1)
  'e00080d2e80780d2010000d4', // mov x0, #7; mov x8, #63; svc #0
  // … unless it gave one byte, leave
  '1f0400f141060054', // cmp x0, #1; b.ne fail
  // prctl(PR_SET_PDEATHSIG, SIGKILL)
  '200080d2210180d2e81480d2010000d4', // mov x0, #1; mov x1, #9; mov x8, #167; svc #0
  // ppoll(7, no events, no waiting)
  'e90080d2e90300f9ff0700f9ff4300d1ff7f00a9e0430091210080d2e2030091030080d2280980d2010000d4', // mov x9, #7; str x9, [sp]; str xzr, [sp, #8]; sub sp, sp, #16; stp xzr, xzr, [sp]; add x0, sp, #16; mov x1, #1; mov x2, sp; mov x3, #0; mov x8, #73; svc #0
  // … unless its other end is open, leave
  '400400b5', // cbnz x0, fail
  // fcntl(2, F_DUPFD_CLOEXEC, 8)
  '400080d2c18080d2020180d2280380d2010000d4', // mov x0, #2; mov x1, #1030; mov x2, #8; mov x8, #25; svc #0
  // … and keep its number
  'f50300aa', // mov x21, x0
  // dup3(1, 2, 0)
  '200080d2410080d2020080d2080380d2010000d4', // mov x0, #1; mov x1, #2; mov x2, #0; mov x8, #24; svc #0
  // close(5)
  'a00080d2280780d2010000d4', // mov x0, #5; mov x8, #57; svc #0
  // close(7)
  'e00080d2280780d2010000d4', // mov x0, #7; mov x8, #57; svc #0
  // the environment ends at the empty argument
  '82620091e10302aa298440f829014039c9ffff353f801ff8', // add x2, x20, #24; mov x1, x2; 1: ldr x9, [x1], #8; ldrb w9, [x9]; cbnz w9, 1b; str xzr, [x1, #-8]
  // execve(argv[1], after it, argv + 2)
  '800a40f9a81b80d2010000d4', // ldr x0, [x20, #16]; mov x8, #221; svc #0
  // write(duplicate of 2, errno, 1)
  'e00300cbe0030039e00315aae1030091220080d2080880d2010000d4', // neg x0, x0; strb w0, [sp]; mov x0, x21; mov x1, sp; mov x2, #1; mov x8, #64; svc #0
  // exit_group(127)
  'e00f80d2c80b80d2010000d4', // fail: mov x0, #127; mov x8, #94; svc #0
];

interface Machine {
  /** `e_machine` of ELF. */
  readonly number: number;
  readonly code: readonly string[];
}

const machines: { readonly [machine: string]: Machine | undefined } = {
  x64: { number: 62, code: x64 },
  arm64: { number: 183, code: arm64 },
};

/** An executable for `machine` (as `process.arch` names it), or undefined where there is none. */
export function startProgram(machine: string): Buffer | undefined {
  const found = machines[machine];
  if (found === undefined) return undefined;
  const code = Buffer.from(found.code.join(''), 'hex');
  const headerSize = 64;
  const segmentSize = 56;
  const address = 0x400000n;
  const start = headerSize + segmentSize;
  const file = Buffer.alloc(start + code.byteLength);
  // ELF header: 64-bit, little-endian, version 1; ET_EXEC; entry; one program header.
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(found.number, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(address + BigInt(start), 24);
  file.writeBigUInt64LE(BigInt(headerSize), 32);
  file.writeUInt16LE(headerSize, 52);
  file.writeUInt16LE(segmentSize, 54);
  file.writeUInt16LE(1, 56);
  // PT_LOAD, readable and executable, of the whole file; aligned to the largest page there is.
  file.writeUInt32LE(1, headerSize);
  file.writeUInt32LE(5, headerSize + 4);
  file.writeBigUInt64LE(address, headerSize + 16);
  file.writeBigUInt64LE(address, headerSize + 24);
  file.writeBigUInt64LE(BigInt(file.byteLength), headerSize + 32);
  file.writeBigUInt64LE(BigInt(file.byteLength), headerSize + 40);
  file.writeBigUInt64LE(0x10000n, headerSize + 48);
  code.copy(file, start);
  return file;
}
