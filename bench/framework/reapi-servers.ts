import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, type Workspace } from './comparison.ts';

/** A server of remote execution, of a process of its own. */
export interface ReapiServer extends Disposable {
  readonly port: number;
}

/** What runs programs of peers: the words of PEER_RUNNER before theirs, where they are another system's. */
export function peerProgram(...words: string[]): [string, ...string[]] {
  const [program = '', ...args] = [...(process.env['PEER_RUNNER'] ?? '').split(' '), ...words].filter(Boolean);
  return [program, ...args];
}

/** `firn serve` in `folder`, where everybody may do everything. */
export async function serveFirn(workspace: Workspace, folder: string): Promise<ReapiServer> {
  return serve(port => [
    workspace.own('firn'),
    'serve',
    '--data',
    folder,
    '--grpc',
    `127.0.0.1:${port}`,
    '--http',
    '127.0.0.1:0',
    '--anonymous',
    'execute',
  ]);
}

/** buildbox-casd in `folder`, which runs actions without a sandbox, as many at a time as Firn does. */
export async function serveCasd(folder: string, jobs: number): Promise<ReapiServer> {
  return serve(port =>
    peerProgram(
      'buildbox-casd',
      `--bind=127.0.0.1:${port}`,
      '--buildbox-run=/usr/bin/buildbox-run-hosttools',
      `--jobs=${jobs}`,
      folder,
    ),
  );
}

/** `justbuild execute` in `folder`, which knows neither sandbox nor limit. */
export async function serveJust(folder: string): Promise<ReapiServer> {
  return serve(port =>
    peerProgram(
      'justbuild',
      'execute',
      '--compatible',
      '-L',
      '["env"]',
      '--local-build-root',
      folder,
      '-i',
      '127.0.0.1',
      '-p',
      String(port),
      '--log-limit',
      '0',
    ),
  );
}

async function serve(command: (port: number) => readonly [string, ...string[]]): Promise<ReapiServer> {
  const port = await freePort();
  const [program, ...args] = command(port);
  // A group of its own, so that what a runner has started ends with it.
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  await answers(child, port, program);
  return { port, [Symbol.dispose]: () => void (child.pid !== undefined && process.kill(-child.pid, 'SIGTERM')) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function answers(child: ChildProcess, port: number, program: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) break;
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isOpen) return;
    await delay(100);
  }
  throw new BenchError(`'${program}' does not answer: PEER_RUNNER names what runs programs of peers`);
}

export function makeServerFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
