import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, type ServerUsage } from './comparison.ts';

/** Ticks of /proc/PID/stat in a second. */
const ticks = 100;

/** A server in a process of its own, with its descendants. */
export interface ServerProcess extends Disposable {
  readonly usage: () => ServerUsage;
}

export interface ServerOptions {
  /** The whole environment but for PATH; this process's unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens: a port of the loopback interface, or the path of a socket. */
  readonly at: number | string;
  /** What is said of one that does not answer. */
  readonly hint?: string;
}

/** Starts a server and waits until it answers. Throws a BenchError where it does not. */
export async function startServer(
  [program, ...args]: readonly [string, ...string[]],
  { env, at, hint }: ServerOptions,
): Promise<ServerProcess> {
  // A group of its own, so that what a runner has started ends with it.
  const child = spawn(program, args, {
    stdio: 'ignore',
    detached: true,
    ...(env === undefined ? {} : { env: { PATH: process.env['PATH'], ...env } }),
  });
  const { pid } = child;
  if (pid === undefined || !(await answers(child, at))) {
    throw new BenchError(`'${program}' does not answer${hint === undefined ? '' : `: ${hint}`}`);
  }
  return { usage: () => usageOf(pid), [Symbol.dispose]: () => void process.kill(-pid, 'SIGTERM') };
}

async function answers(child: ChildProcess, at: number | string): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) break;
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at);
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isOpen) return true;
    await delay(100);
  }
  return false;
}

/** A port of the loopback interface at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Of a process and its descendants, those too that have ended and were waited for. */
function usageOf(root: number): ServerUsage {
  const parents = new Map<number, number>();
  const times = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readIfThere(`/proc/${pid}/stat`) : undefined;
    if (stat === undefined) continue;
    // Behind the program's name, which may hold anything: state, parent, ..., utime, stime, cutime, cstime.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    parents.set(pid, fields[1] ?? 0);
    times.set(
      pid,
      fields.slice(11, 15).reduce((sum, time) => sum + time, 0),
    );
  }
  const isWithin = (pid: number): boolean => pid === root || (pid > 1 && isWithin(parents.get(pid) ?? 0));
  let sum = 0;
  let peakKiB = 0;
  for (const [pid, time] of times) {
    if (!isWithin(pid)) continue;
    sum += time;
    const peak = /^VmHWM:\s*(\d+)/m.exec(readIfThere(`/proc/${pid}/status`) ?? '')?.[1];
    peakKiB = Math.max(peakKiB, Number(peak ?? 0));
  }
  return { cpuMs: (sum / ticks) * 1000, peakKiB };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
