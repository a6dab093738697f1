import * as nodeFs from 'node:fs';
import { syncFileSystem } from '../../base/index.ts';

type Used =
  | 'chmodSync'
  | 'closeSync'
  | 'copyFileSync'
  | 'existsSync'
  | 'fchmodSync'
  | 'fdatasyncSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'futimesSync'
  | 'linkSync'
  | 'lstatSync'
  | 'mkdirSync'
  | 'open'
  | 'openSync'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmSync'
  | 'symlinkSync'
  | 'unlinkSync'
  | 'utimesSync'
  | 'write'
  | 'writeFileSync';

/** The calls of `node:fs` that the disk backend makes, and syncfs: what a fault-injecting test puts itself in place of. */
export interface FileSystem extends Pick<typeof nodeFs, Used> {
  syncFileSystem(fd: number): boolean;
}

export const realFileSystem: FileSystem = { ...nodeFs, syncFileSystem };
