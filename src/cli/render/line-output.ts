import { constants, closeSync, openSync, statSync } from 'node:fs';
import { systemErrorText } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { writeFully } from './write-fully.ts';

/** Where `json-log-path` is written to. */
export interface LineOutput {
  /** `line` is without its end. */
  writeLine(line: string): void;
  /** What was written to a socket may still be on its way, but no longer than a second. */
  close(): void;
}

/** Appends to the file, or connects to the Unix socket, at `path`. Throws `output/failed`. */
export function openLineOutput(path: string): LineOutput {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true ? connect(path) : append(path);
}

function append(path: string): LineOutput {
  const fd = openForAppending(path);
  return { writeLine: line => writeFully(fd, Buffer.from(`${line}\n`)), close: () => closeSync(fd) };
}

function openForAppending(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o644);
  } catch (cause) {
    throw new CliError('output/failed', `opening log file "${path}": ${systemErrorText(cause)}`, { cause });
  }
}

const lingering = 1000;

function connect(path: string): LineOutput {
  // Few logs go to sockets, and loading this takes milliseconds.
  const socket = process.getBuiltinModule('node:net').createConnection(path);
  // Who reads the log may go at any time.
  socket.on('error', () => socket.destroy());
  // The log alone is no reason to go on.
  socket.unref();
  return {
    writeLine: line => socket.write(`${line}\n`),
    close: () => {
      if (socket.destroyed) return;
      socket.ref();
      const timer = setTimeout(() => socket.destroy(), lingering);
      socket.on('close', () => clearTimeout(timer));
      socket.resume().end();
    },
  };
}
