import { setImmediate as turn } from 'node:timers/promises';
import { type TreeSink, displayBytes, teeTree } from '../base/index.ts';
import {
  type FramedReader,
  type PathInfo,
  WireReader,
  formatOutputId,
  parseContentAddressKind,
  parseStorePath,
  protocolVersion,
  readPathInfo,
  readRealisation,
  readSignatures,
  readSingleDerivingPath,
  readStorePath,
  readStorePaths,
  writePathInfo,
} from '../nix-compat/index.ts';
import {
  LocalStore,
  type PathOffer,
  SpooledTree,
  type TreeSource,
  addToStore,
  addTree,
  feedNar,
  openNamelessFile,
  requireFacet,
} from '../store/index.ts';
import { ServerError } from './error.ts';
import { receiveNar } from './receive-nar.ts';
import type { ServedStore } from './served-store.ts';
import type { WorkerSession } from './worker-session.ts';

/** Since when contents come in frames: Nix 2.4. */
const framesSince = protocolVersion(1, 25);

/** Milliseconds after which others get their turn where one small path follows the other. */
const turnLength = 10;
const realisationsSince = protocolVersion(1, 31);

/** Bytes of the largest build log that is taken. */
const maxBuildLogSize = 256 * 1024 * 1024;

export async function addToStoreNar(session: WorkerSession): Promise<void> {
  const { reader, storeDir } = session;
  const info = await readPathInfo(reader, storeDir);
  const repair = await reader.boolean();
  const checkSignatures = !(await reader.boolean());
  requireFrames(session);
  await session.workWithFrames(frames =>
    addPath(session, info, { repair, checkSignatures, source: receiveNar(frames) }),
  );
}

export async function addMultipleToStore(session: WorkerSession): Promise<void> {
  const { reader, store } = session;
  const repair = await reader.boolean();
  const checkSignatures = !(await reader.boolean());
  await session.workWithFrames(async frames => {
    if (repair) session.requireTrust(mayNotRepair);
    const { isTrusted, signal } = session;
    const options = { repair, checkSignatures: checkSignatures || !isTrusted, signal };
    const adder = store.writer?.beginAdding?.(options);
    if (adder === undefined) {
      await forEachPath(session, frames, (info, source) => addPath(session, info, { repair, checkSignatures, source }));
      return;
    }
    await using _adder = adder;
    try {
      await forEachPath(session, frames, (info, source) => adder.add(offerOf(session, info, source)));
    } finally {
      // What has come before a failure stays.
      await adder.commit();
    }
  });
}

/** Goes through the paths that frames hold, each of which is read whether or not anybody wants it. */
async function forEachPath(
  { storeDir, limits }: WorkerSession,
  frames: FramedReader,
  add: (info: PathInfo, source: TreeSource) => Promise<void>,
): Promise<void> {
  await using inner = new WireReader(frames, limits);
  const count = await inner.number();
  let since = performance.now();
  for (let at = 0; at < count; at++) {
    if (performance.now() - since > turnLength) {
      await turn();
      since = performance.now();
    }
    inner.startMessage();
    const info = await readPathInfo(inner, storeDir);
    let isRead = false;
    await add(info, async (sink, drain) => {
      isRead = true;
      await feedNar(inner, { sink, drain, observe: () => {} });
    });
    if (!isRead) await feedNar(inner, { sink: noTree, drain: () => Promise.resolve(), observe: () => {} });
  }
}

const noTree: TreeSink = teeTree();

interface Adding {
  readonly repair: boolean;
  readonly checkSignatures: boolean;
  readonly source: TreeSource;
}

const mayNotRepair = "repairing is not allowed because you are not in 'trusted-users'";

/** What a client says of a path. One that is not trusted cannot say that it was built here. */
function offerOf({ isTrusted }: WorkerSession, info: PathInfo, source: TreeSource): PathOffer {
  return { info: isTrusted ? info : { ...info, ultimate: false }, source, from: 'the client', isTrusted: false };
}

/** A client that is not trusted can have signatures looked at, but not have it left. */
async function addPath(
  session: WorkerSession,
  info: PathInfo,
  { repair, checkSignatures, source }: Adding,
): Promise<void> {
  const { store, isTrusted, signal } = session;
  if (repair) session.requireTrust(mayNotRepair);
  const offer = offerOf(session, info, source);
  await requireFacet(store, 'writer', 'addToStore').add([{ path: info.path, offers: [offer] }], {
    repair,
    checkSignatures: checkSignatures || !isTrusted,
    signal,
  });
}

/** Adds contents under the store path that they give. */
export async function addContents(session: WorkerSession): Promise<void> {
  const { reader, writer, storeDir, signal } = session;
  requireFrames(session);
  const name = displayBytes(await reader.string());
  const kindText = displayBytes(await reader.string());
  const others = await readStorePaths(reader, storeDir);
  const repair = await reader.boolean();
  const info = await session.workWithFrames(async frames => {
    const { method, algorithm } = parseContentAddressKind(kindText);
    if (repair) session.requireTrust(mayNotRepair);
    const { store } = session;
    const { builder } = session.served;
    const source = method === 'nar' || method === 'git' ? receiveNar(frames) : receiveFile(frames);
    const options = { name, method, algorithm, references: { others, self: false }, repair, signal };
    if (builder !== undefined) return builder.addContents(source, options);
    if (store instanceof LocalStore) return addToStore(store, source, options);
    // Others are told the path first.
    await using spool = await SpooledTree.begin();
    await source(spool.sink, () => Promise.resolve(), signal);
    return await addTree(store, spool.source, options);
  });
  writePathInfo(writer, storeDir, info);
}

/** As `addContents`; what the contents refer to is found in them. Of builders alone. */
export async function addScannedContents(session: WorkerSession): Promise<void> {
  const { reader, writer, storeDir, signal } = session;
  const name = displayBytes(await reader.string());
  const kindText = displayBytes(await reader.string());
  const info = await session.workWithFrames(frames => {
    const { method, algorithm } = parseContentAddressKind(kindText);
    const source = method === 'nar' || method === 'git' ? receiveNar(frames) : receiveFile(frames);
    return requireBuilder(session).addContents(source, { name, method, algorithm, scan: true, signal });
  });
  writePathInfo(writer, storeDir, info);
}

/** Names a store path as an output of the build that the client is the builder of. */
export async function submitOutput(session: WorkerSession): Promise<void> {
  const { reader, writer, storeDir } = session;
  const path = await readSingleDerivingPath(reader, storeDir);
  const output = await reader.string();
  await session.work(async () => requireBuilder(session).submit(path, output));
  writer.number(1);
}

/** Throws `request/unsupported`. */
function requireBuilder({ served: { builder } }: WorkerSession): NonNullable<ServedStore['builder']> {
  if (builder !== undefined) return builder;
  throw new ServerError('request/unsupported', 'only the builder of a build that goes on here can ask for that');
}

/** The bytes of a file, whose size is known at their end only: until then they wait on disk. */
function receiveFile(frames: FramedReader): TreeSource {
  return async (sink, drain, signal) => {
    await using file = await openNamelessFile();
    let size = 0;
    for await (const chunk of frames) {
      signal?.throwIfAborted();
      await file.writeFile(chunk);
      size += chunk.byteLength;
    }
    sink.startFile(false, size);
    const buffer = Buffer.allocUnsafe(64 * 1024);
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error('a temporary file was cut short');
      sink.fileData(Buffer.from(buffer.subarray(0, bytesRead)));
      at += bytesRead;
      await drain();
    }
    sink.endFile();
  };
}

export async function addSignatures(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir, signal } = session;
  const path = await readStorePath(reader, storeDir);
  const signatures = await readSignatures(reader);
  await session.work(() => requireFacet(store, 'writer', 'addSignatures').addSignatures(path, signatures, { signal }));
  writer.number(1);
}

export async function registerDrvOutput(session: WorkerSession): Promise<void> {
  const { reader, store, context, signal } = session;
  if (context.version < realisationsSince) throw tooOld();
  const realisation = await readRealisation(reader);
  await session.work(async () => {
    const id = displayBytes(formatOutputId(realisation.id));
    session.requireTrust(`cannot register realisation '${id}' because it lacks a signature by a trusted key`);
    await requireFacet(store, 'writer', 'registerDrvOutput').addRealisation(realisation, { signal });
  });
}

export async function addBuildLog(session: WorkerSession): Promise<void> {
  const { reader, writer, store, signal } = session;
  const path = parseStorePath(await reader.string());
  await session.workWithFrames(async frames => {
    session.requireTrust('you are not privileged to add logs');
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of frames) {
      size += chunk.byteLength;
      if (size > maxBuildLogSize) {
        throw new ServerError('request/malformed', `a build log of more than ${maxBuildLogSize} bytes is not taken`);
      }
      chunks.push(Buffer.from(chunk));
    }
    await requireFacet(store, 'writer', 'addBuildLog').addBuildLog(path, Buffer.concat(chunks), { signal });
  });
  writer.number(1);
}

function requireFrames({ context }: WorkerSession): void {
  if (context.version < framesSince) throw tooOld();
}

function tooOld(): ServerError {
  return new ServerError(
    'request/unsupported',
    'the Nix client is too old for what it wants: that needs Nix 2.4 or later',
  );
}
