import { closeSync, openSync, readSync } from 'node:fs';

/** Where distributions have shells that need no other file. */
const candidates = ['/usr/bin/busybox', '/bin/busybox', '/usr/bin/bash-static', '/bin/bash-static'];

/** A shell for sandboxes, in which libraries of this machine are not to be seen; undefined where there is none. */
export function findSandboxShell(): string | undefined {
  return candidates.find(isStaticProgram);
}

/** Bytes of an ELF file that hold its header and, as linkers write them, its program headers. */
const startSize = 4096;
/** Type of the program header that names the dynamic linker. */
const interpreterType = 3;

/** Whether `path` is a 64-bit ELF program that asks for no dynamic linker (System V ABI, "Program Header"). */
export function isStaticProgram(path: string): boolean {
  const start = readStart(path);
  if (start === undefined || start.toString('latin1', 0, 6) !== '\u007fELF\u0002\u0001' || start.byteLength < 64)
    return false;
  const offset = Number(start.readBigUInt64LE(32));
  const size = start.readUInt16LE(54);
  const count = start.readUInt16LE(56);
  if (size < 4 || offset + count * size > start.byteLength) return false;
  for (let at = 0; at < count; at++) if (start.readUInt32LE(offset + at * size) === interpreterType) return false;
  return true;
}

function readStart(path: string): Buffer | undefined {
  let fd;
  try {
    fd = openSync(path, 'r');
    const buffer = Buffer.alloc(startSize);
    return buffer.subarray(0, readSync(fd, buffer));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
