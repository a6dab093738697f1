import { displayBytes } from '../base/index.ts';
import {
  NarWriter,
  type PathInfo,
  type StorePath,
  type SubstitutablePathInfo,
  protocolVersion,
  readOptionalContentAddress,
  readOutputId,
  readStorePath,
  readStorePaths,
  writeOptionalStorePath,
  writeRealisation,
  writeStorePath,
  writeStorePaths,
  writeSubstitutablePathInfo,
  writeUnkeyedPathInfo,
} from '../nix-compat/index.ts';
import { type PathIndex, type PathsAtHand, derivationOutputs, requireFacet, requirePathInfo } from '../store/index.ts';
import { ServerError } from './error.ts';
import type { SubstitutablePath } from './served-store.ts';
import type { WorkerSession } from './worker-session.ts';

/** Answers about a path by what the store has at hand. */
export type AnswerAtHand = (session: WorkerSession, path: StorePath, known: PathsAtHand) => void;

export function tellIsValid(session: WorkerSession, path: StorePath, known: PathsAtHand): void {
  const isValid = session.tell(() => known.isValid(path));
  session.writer.boolean(isValid);
}

export function tellPathInfo(session: WorkerSession, path: StorePath, known: PathsAtHand): void {
  const info = session.tell(() => known.infoOf(path));
  writeInfo(session, info);
}

const substitutesSince = protocolVersion(1, 27);
const contentAddressesSince = protocolVersion(1, 22);
const realisationsSince = protocolVersion(1, 31);

function readPath({ reader, storeDir }: WorkerSession): Promise<StorePath> {
  return readStorePath(reader, storeDir);
}

export async function isValidPath(session: WorkerSession): Promise<void> {
  const path = await readPath(session);
  const valid = await session.work(() => session.store.validPaths([path], { signal: session.signal }));
  session.writer.boolean(valid.has(path));
}

export async function queryValidPaths(session: WorkerSession): Promise<void> {
  const { reader, writer, storeDir, served, store, context } = session;
  const paths = new Set(await readStorePaths(reader, storeDir));
  const substitutes = context.version >= substitutesSince && (await reader.boolean());
  const valid = await session.work(async () => {
    const request = session.request();
    if (substitutes) await served.substitute(paths, request);
    return store.validPaths(paths, request);
  });
  writeStorePaths(writer, storeDir, [...valid]);
}

export async function queryPathInfo(session: WorkerSession): Promise<void> {
  const { store, signal } = session;
  const path = await readPath(session);
  const info = await session.work(() => store.pathInfo(path, { signal }));
  writeInfo(session, info);
}

function writeInfo({ writer, storeDir }: WorkerSession, info: PathInfo | undefined): void {
  writer.boolean(info !== undefined);
  if (info !== undefined) writeUnkeyedPathInfo(writer, storeDir, info);
}

export async function queryDeriver(session: WorkerSession): Promise<void> {
  const { writer, store, storeDir, signal } = session;
  const path = await readPath(session);
  const info = await session.work(() => requirePathInfo(store, path, { signal }));
  writeOptionalStorePath(writer, storeDir, info.deriver);
}

export async function queryPathFromHashPart(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir, signal } = session;
  const hashPart = displayBytes(await reader.string());
  const path = await session.work(() => store.pathFromHashPart(hashPart, { signal }));
  writeOptionalStorePath(writer, storeDir, path);
}

export async function queryAllValidPaths(session: WorkerSession): Promise<void> {
  const { writer, store, storeDir, signal } = session;
  const paths = await session.work(() => requireFacet(store, 'index', 'queryAllValidPaths').allPaths({ signal }));
  writeStorePaths(writer, storeDir, paths);
}

async function queryIndex(
  session: WorkerSession,
  query: (index: PathIndex, path: StorePath) => Promise<readonly StorePath[]>,
): Promise<void> {
  const { writer, store, storeDir } = session;
  const path = await readPath(session);
  const found = await session.work(() => query(requireFacet(store, 'index', 'queryReferrers'), path));
  writeStorePaths(writer, storeDir, found);
}

export function queryReferrers(session: WorkerSession): Promise<void> {
  return queryIndex(session, (index, path) => index.referrers(path, { signal: session.signal }));
}

export function queryValidDerivers(session: WorkerSession): Promise<void> {
  return queryIndex(session, (index, path) => index.validDerivers(path, { signal: session.signal }));
}

export async function queryDerivationOutputMap(session: WorkerSession): Promise<void> {
  const { writer, store, storeDir, signal } = session;
  const path = await readPath(session);
  const outputs = await session.work(() => derivationOutputs(store, path, { signal }));
  writer.map(
    new Map([...outputs].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    name => writer.string(name),
    output => writeOptionalStorePath(writer, storeDir, output),
  );
}

export async function queryRealisation(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir, context, signal } = session;
  const id = await readOutputId(reader);
  const found = await session.work(() => store.realisation(id, { signal }));
  const known = found === undefined ? [] : [found];
  if (context.version >= realisationsSince) writer.list(known, each => writeRealisation(writer, { id, ...each }));
  else
    writeStorePaths(
      writer,
      storeDir,
      known.map(({ path }) => path),
    );
}

export async function querySubstitutablePaths(session: WorkerSession): Promise<void> {
  const { reader, writer, served, storeDir } = session;
  const paths = new Set(await readStorePaths(reader, storeDir));
  const found = await session.work(() => served.findSubstitutes(paths, session.request()));
  writeStorePaths(writer, storeDir, [...found.keys()]);
}

export async function querySubstitutablePathInfo(session: WorkerSession): Promise<void> {
  const { writer, served, storeDir } = session;
  const path = await readPath(session);
  const found = await session.work(() => served.findSubstitutes(new Set([path]), session.request()));
  const substitute = found.get(path);
  writer.boolean(substitute !== undefined);
  if (substitute !== undefined) writeSubstitutablePathInfo(writer, storeDir, infoOf(substitute));
}

export async function querySubstitutablePathInfos(session: WorkerSession): Promise<void> {
  const { reader, writer, served, storeDir, context } = session;
  const paths =
    context.version < contentAddressesSince
      ? await readStorePaths(reader, storeDir)
      : (
          await reader.map(
            () => readStorePath(reader, storeDir),
            () => readOptionalContentAddress(reader),
          )
        ).keys();
  const found = await session.work(() => served.findSubstitutes(new Set(paths), session.request()));
  writer.map(
    found,
    path => writeStorePath(writer, storeDir, path),
    substitute => writeSubstitutablePathInfo(writer, storeDir, infoOf(substitute)),
  );
}

function infoOf({ info, downloadSize }: SubstitutablePath): SubstitutablePathInfo {
  return { deriver: info.deriver, references: info.references, downloadSize, narSize: info.narSize };
}

/** The NAR follows the messages. Where the path is not valid, only the end of the connection can tell. */
export async function narFromPath(session: WorkerSession): Promise<void> {
  const { store, channel, signal } = session;
  const path = await readPath(session);
  await session.work(() => requirePathInfo(store, path, { signal }));
  await session.flush();
  const nar = new NarWriter(bytes => channel.write(bytes));
  try {
    await store.streamPath(path, nar, { signal, drain: () => channel.drain() });
  } catch (cause) {
    channel.destroy();
    throw new ServerError('request/unsupported', `the NAR of '${path}' cannot be sent`, { cause });
  }
}
