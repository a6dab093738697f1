import { type ByteString, byteStringFromText, displayBytes } from '../base/index.ts';
import {
  type BuildMode,
  type DerivingPath,
  derivationNameOf,
  derivationTypeOf,
  formatDerivingPath,
  hasContentAddressedOutputs,
  isBuildSuccess,
  makeDerivationFile,
  opaquePath,
  readBasicDerivation,
  readBuildMode,
  readDerivingPath,
  readStorePath,
  writeBuildResult,
  writeDerivingPath,
  writeMissingPaths,
} from '../nix-compat/index.ts';
import type { RealisedPath } from '../engine/index.ts';
import { addDerivation } from '../store/index.ts';
import { ServerError } from './error.ts';
import type { WorkerSession } from './worker-session.ts';

const mayNotRepair = "repairing is not allowed because you are not in 'trusted-users'";

interface Wanted {
  readonly paths: readonly DerivingPath[];
  readonly mode: BuildMode;
}

async function readWanted({ reader, context }: WorkerSession): Promise<Wanted> {
  const paths = await reader.list(() => readDerivingPath(reader, context));
  return { paths, mode: await readBuildMode(reader) };
}

export async function buildPaths(session: WorkerSession): Promise<void> {
  const { paths, mode } = await readWanted(session);
  await session.work(async () => {
    if (mode === 'repair') session.requireTrust(mayNotRepair);
    const realised = await session.served.realise(paths, session.request(mode));
    requireSuccess(session, realised.paths);
  });
  session.writer.number(1);
}

export async function buildPathsWithResults(session: WorkerSession): Promise<void> {
  const { writer, context } = session;
  const { paths, mode } = await readWanted(session);
  const realised = await session.work(async () => {
    if (mode === 'repair') session.requireTrust(mayNotRepair);
    return session.served.realise(paths, session.request(mode));
  });
  writer.list(realised.paths, ({ path, result }) => {
    writeDerivingPath(writer, context, path);
    writeBuildResult(writer, context, result);
  });
}

export async function ensurePath(session: WorkerSession): Promise<void> {
  const path = await readStorePath(session.reader, session.storeDir);
  await session.work(async () => {
    requireSuccess(session, (await session.served.realise([opaquePath(path)], session.request())).paths);
  });
  session.writer.number(1);
}

/** Throws `build/failed` with what has failed. */
function requireSuccess({ storeDir }: WorkerSession, realised: readonly RealisedPath[]): void {
  const failed: { readonly name: string; readonly message: ByteString }[] = [];
  for (const { path, result } of realised) {
    const { outcome } = result;
    const name = `'${displayBytes(formatDerivingPath(storeDir, path))}'`;
    if (!isBuildSuccess(outcome)) failed.push({ name, message: outcome.message });
  }
  const [first] = failed;
  if (first === undefined) return;
  const names = failed.map(({ name }) => name).toSorted();
  const several = byteStringFromText(`build of ${names.join(', ')} failed`);
  throw new ServerError('build/failed', displayBytes(failed.length === 1 ? first.message : several));
}

/** Builds a derivation that need not be in the store, by whose path nobody can tell what its outputs should be. */
export async function buildDerivation(session: WorkerSession): Promise<void> {
  const { reader, writer, context, storeDir, isTrusted, served, signal } = session;
  let path = await readStorePath(reader, storeDir);
  const derivation = await readBasicDerivation(reader, { storeDir, name: derivationNameOf(path) });
  const mode = await readBuildMode(reader);
  const result = await session.work(async () => {
    if (!isTrusted) {
      if (!hasContentAddressedOutputs(derivationTypeOf(derivation))) {
        session.requireTrust('you are not privileged to build input-addressed derivations');
      }
      // What is known by its content can be built for anybody, under the name that follows from it.
      const file = makeDerivationFile(storeDir, { ...derivation, inputDerivations: new Map() });
      await addDerivation(served.store, file, { signal });
      path = file.path;
    }
    return served.build(path, derivation, session.request(mode));
  });
  writeBuildResult(writer, context, result);
}

export async function queryMissing(session: WorkerSession): Promise<void> {
  const { reader, writer, context, storeDir, served } = session;
  const paths = await reader.list(() => readDerivingPath(reader, context));
  const plan = await session.work(() => served.plan(paths, session.request()));
  writeMissingPaths(writer, storeDir, {
    willBuild: [...plan.willBuild],
    willSubstitute: [...plan.willSubstitute],
    unknown: [...plan.unknown],
    downloadSize: plan.downloadSize,
    narSize: plan.narSize,
  });
}
