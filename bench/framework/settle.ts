import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

const scratch = new Uint8Array(1024 * 1024);

/**
 * Brings the machine into the same state before every run: nothing is waiting to be written, the inputs are in the page
 * cache, and `memory` bytes have just been used and freed. A virtual machine that returns free memory to its host (and
 * drops cold pages, the inputs') pays for it again at first use: without this the kernel time of the same run varies
 * from 1 to 3.
 */
export function settle(inputs: readonly string[], memory: number): void {
  if (inputs.length === 0 && memory === 0) return;
  execFileSync('sync');
  for (const input of inputs) readAll(input);
  touch(Math.min(memory, freemem() / 4));
}

function readAll(path: string): void {
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path)) readAll(join(path, name));
    return;
  }
  const fd = openSync(path, 'r');
  while (readSync(fd, scratch) > 0);
  closeSync(fd);
}

const pageSize = 4096;

function touch(size: number): void {
  const memory = new ArrayBuffer(Math.floor(size));
  const bytes = new Uint8Array(memory);
  for (let at = 0; at < bytes.byteLength; at += pageSize) bytes[at] = 1;
  // Frees it here and now.
  memory.transfer(0);
}
