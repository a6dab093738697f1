import { type ChildProcess } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { temporaryFolder } from '../../src/testing/index.ts';
import type { Peer } from './peer.ts';

/** A buildbox-casd with a cache of its own. */
export class BuildboxCasd implements AsyncDisposable {
  /** `HOST:PORT` */
  readonly address: string;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: ReturnType<typeof temporaryFolder>;

  private constructor(child: ChildProcess, port: number, folder: ReturnType<typeof temporaryFolder>) {
    this.#child = child;
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#folder = folder;
  }

  static async start(casd: Peer, flags: readonly string[] = []): Promise<BuildboxCasd> {
    const folder = temporaryFolder();
    const port = await freePort();
    const child = casd.start([`--bind=127.0.0.1:${port}`, ...flags, `${folder.path}/cache`]);
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`buildbox-casd did not start: ${log}`);
    }
    return new BuildboxCasd(child, port, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise(resolve => {
      this.#child.on('exit', resolve);
    });
    this.#child.kill('SIGTERM');
    await ended;
    this.#folder[Symbol.dispose]();
  }
}

/** It cannot tell which port it chose. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>(resolve => {
    server.close(() => resolve());
  });
  if (address === null || typeof address === 'string') throw new TypeError('no port is free');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Not at once, which would be a busy loop.
    socket.once('error', () => setTimeout(() => resolve(false), 50));
  });
}
