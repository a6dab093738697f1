import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Workspace } from './comparison.ts';

/** A server of its own process. */
export interface FolderServer extends Disposable {
  readonly url: string;
}

/** Serves the files of `folder` as they are now by HTTP, until disposed of. */
export async function serveFolder(workspace: Workspace, folder: string): Promise<FolderServer> {
  const [program, ...args] = await workspace.child('serve-folder');
  const child = spawn(program, [...args, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    url: `http://127.0.0.1:${port.toString().trim()}`,
    [Symbol.dispose]: () => child.stdin.end(),
  };
}
