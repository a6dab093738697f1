import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError } from './comparison.ts';
import { type ServerProcess, freePort, startServer } from './server-process.ts';

/** A web server on the loopback interface. */
export interface WebServer extends ServerProcess {
  readonly url: string;
}

/** nginx over the files of `root`, as the variable NGINX names it. Its own files are in `folder`. Throws a BenchError. */
export async function serveByNginx(root: string, folder: string): Promise<WebServer> {
  const program = process.env['NGINX'];
  if (program === undefined) throw new BenchError('NGINX is not set: it names the program nginx');
  const port = await freePort();
  mkdirSync(folder);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off;
worker_processes auto;
pid ${folder}/pid;
error_log ${folder}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
${temporary.map(name => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    root ${root};
  }
}
`,
  );
  const argv = [program, '-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')] as const;
  const server = await startServer(argv, { at: port });
  return { url: `http://127.0.0.1:${port}`, usage: server.usage, [Symbol.dispose]: () => server[Symbol.dispose]() };
}
