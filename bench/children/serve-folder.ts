/**
 * Serves the files of a folder on a port of the loopback interface, from memory, so that it takes as little as it can of
 * the machine that is being measured.
 *
 *     serve-folder FOLDER
 *
 * Prints its port once it listens, and ends when its standard input does.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new TypeError('usage: serve-folder FOLDER');

const files = new Map<string, Buffer>();
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile()) files.set(path.slice(folder.length), readFileSync(path));
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const file = files.get(request.url ?? '');
  response.statusCode = file === undefined ? 404 : 200;
  response.setHeader('Content-Length', file?.byteLength ?? 0);
  response.end(request.method === 'HEAD' ? undefined : file);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new TypeError('no port');
  process.stdout.write(`${address.port}\n`);
});
process.stdin.resume().on('end', () => process.exit());
