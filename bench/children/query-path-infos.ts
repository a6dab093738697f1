/**
 * Asks the daemon at the socket argv[2] for all its paths and then for what it knows of each, as clients do: by
 * QueryPathInfo, argv[3] requests at a time. Prints the paths, as `nix path-info --all` does.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  WireReader,
  WireWriter,
  defaultStoreDir as storeDir,
  openWorkerConnection,
  printStorePath,
  readLogMessage,
  readStorePaths,
  readUnkeyedPathInfo,
  writeStorePath,
  writeWorkerOperation,
} from '../../src/nix-compat/index.ts';

const [path = '', atOnce = '1'] = process.argv.slice(2);

async function main(): Promise<void> {
  const socket = connect(path);
  await once(socket, 'connect');
  const reader = new WireReader(socket);
  const { protocol } = await openWorkerConnection({ reader, send: bytes => void socket.write(bytes) });
  const untilLast = async () => {
    for (;;) {
      const message = await readLogMessage(reader, protocol.version);
      if (message.kind === 'last') return;
      if (message.kind === 'error') throw new Error(message.error.message);
    }
  };
  await untilLast();

  const writer = new WireWriter();
  writeWorkerOperation(writer, 'QueryAllValidPaths');
  socket.write(writer.take());
  await untilLast();
  const paths = await readStorePaths(reader, storeDir);

  const width = Number(atOnce);
  let printed = '';
  for (let at = 0; at < paths.length; at += width) {
    const batch = paths.slice(at, at + width);
    for (const each of batch) {
      writeWorkerOperation(writer, 'QueryPathInfo');
      writeStorePath(writer, storeDir, each);
    }
    socket.write(writer.take());
    for (const each of batch) {
      await untilLast();
      if (!(await reader.boolean())) throw new Error(`${each} is not valid`);
      await readUnkeyedPathInfo(reader, storeDir);
      printed += `${printStorePath(storeDir, each)}\n`;
    }
  }
  process.stdout.write(printed);
  socket.end();
}

void main();
