import { mkdirSync } from 'node:fs';
import type { Workspace } from './comparison.ts';
import { freePort, startServer } from './server-process.ts';

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
  const server = await startServer(command(port), { at: port, hint: 'PEER_RUNNER names what runs programs of peers' });
  return { port, [Symbol.dispose]: () => server[Symbol.dispose]() };
}

export function makeServerFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
