/**
 * A long way on one machine: what passes arrives half a round trip later, in either direction.
 *
 *     delay-relay MILLISECONDS listen PORT TARGET-PORT    from a port of the loopback interface to another
 *     delay-relay MILLISECONDS run PROGRAM [ARG...]       from standard input and output to a program's
 *
 * Opening a connection takes a round trip, too. Prints nothing of its own.
 */
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Readable, Writable } from 'node:stream';

const [time = '', mode, ...rest] = process.argv.slice(2);
const roundTrip = Number(time);

/** Bytes that may be on the way, as in the pipes of a fast link. */
const window = 64 * 1024 * 1024;

function relay(from: Readable, to: Writable, firstExtra: number): void {
  const opened = performance.now() + firstExtra;
  let underWay = 0;
  from.on('data', (chunk: Buffer) => {
    underWay += chunk.byteLength;
    if (underWay > window) from.pause();
    const due = Math.max(opened, performance.now()) + roundTrip / 2;
    setTimeout(() => {
      underWay -= chunk.byteLength;
      if (underWay <= window && from.isPaused()) from.resume();
      to.write(chunk);
    }, due - performance.now());
  });
  from.on('end', () => setTimeout(() => to.end(), Math.max(0, opened - performance.now()) + roundTrip / 2 + 1));
  for (const stream of [from, to]) stream.on('error', () => {});
}

function joinSockets(target: number): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    relay(near, far, roundTrip);
    relay(far, near, roundTrip);
    near.on('close', () => setTimeout(() => far.destroy(), roundTrip));
    far.on('close', () => setTimeout(() => near.destroy(), roundTrip));
  });
  server.listen(Number(rest[0]), '127.0.0.1');
}

function joinProgram([program = '', ...args]: readonly string[]): void {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  relay(process.stdin, child.stdin, roundTrip);
  relay(child.stdout, process.stdout, roundTrip);
  child.on('close', status => setTimeout(() => process.exit(status ?? 1), roundTrip));
}

if (mode === 'listen') joinSockets(Number(rest[1]));
else joinProgram(rest);
