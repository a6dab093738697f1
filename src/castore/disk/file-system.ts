import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  open,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  write,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { syncFileSystem } from '../../base/index.ts';

// Named one by one: a spread of node:fs would call the getters by which it loads its streams (5 ms of every start).
const calls = {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  open,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  write,
  writeFileSync,
  writeSync,
};

/** The calls of `node:fs` that the disk backend makes, and syncfs: what a fault-injecting test puts itself in place of. */
export type FileSystem = typeof calls & { syncFileSystem(fd: number): boolean };

export const realFileSystem: FileSystem = { ...calls, syncFileSystem };
