import { NixCompatError } from '../error.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** The requests of the worker protocol. Numbers that are missing belonged to operations that no Nix knows any more. */
const operations = [
  ['IsValidPath', 1],
  ['QueryReferrers', 6],
  ['AddToStore', 7],
  ['AddTextToStore', 8], // until 1.25
  ['BuildPaths', 9],
  ['EnsurePath', 10],
  ['AddTempRoot', 11],
  ['AddIndirectRoot', 12],
  ['SyncWithGC', 13], // does nothing any more
  ['FindRoots', 14],
  ['QueryDeriver', 18], // obsolete: the path info tells
  ['SetOptions', 19],
  ['CollectGarbage', 20],
  ['QuerySubstitutablePathInfo', 21],
  ['QueryDerivationOutputs', 22], // until 1.22
  ['QueryAllValidPaths', 23],
  ['QueryPathInfo', 26],
  ['QueryDerivationOutputNames', 28], // until 1.22
  ['QueryPathFromHashPart', 29],
  ['QuerySubstitutablePathInfos', 30],
  ['QueryValidPaths', 31],
  ['QuerySubstitutablePaths', 32],
  ['QueryValidDerivers', 33],
  ['OptimiseStore', 34],
  ['VerifyStore', 35],
  ['BuildDerivation', 36],
  ['AddSignatures', 37],
  ['NarFromPath', 38],
  ['AddToStoreNar', 39],
  ['QueryMissing', 40],
  ['QueryDerivationOutputMap', 41], // since 1.22
  ['RegisterDrvOutput', 42],
  ['QueryRealisation', 43], // since 1.27
  ['AddMultipleToStore', 44], // since 1.32
  ['AddBuildLog', 45],
  ['BuildPathsWithResults', 46], // since 1.34
  ['AddPermRoot', 47],
  ['SubmitOutput', 1000], // feature `submit-output`, to builders alone
  ['AddToStoreScanning', 1001], // feature `add-to-store-scanning`, to builders alone
] as const;

export type WorkerOperation = (typeof operations)[number][0];

const numbers: ReadonlyMap<WorkerOperation, number> = new Map(operations);
const names: ReadonlyMap<number, WorkerOperation> = new Map(operations.map(([name, number]) => [number, name]));

/** The next request, or undefined where the client has closed the connection. Throws `wire/unknown-operation`. */
export async function readWorkerOperation(reader: WireReader): Promise<WorkerOperation | undefined> {
  if (await reader.atEnd()) return undefined;
  reader.startMessage();
  return operationOf(await reader.number(), reader);
}

/** As `readWorkerOperation`, without waiting: undefined where it has not come yet. */
export function takeWorkerOperation(reader: WireReader): WorkerOperation | undefined {
  reader.startMessage();
  const number = reader.takeNumber();
  return number === undefined ? undefined : operationOf(number, reader);
}

function operationOf(number: number, reader: WireReader): WorkerOperation {
  const name = names.get(number);
  if (name !== undefined) return name;
  throw new NixCompatError('wire/unknown-operation', `invalid operation ${number}`, { offset: reader.offset - 8 });
}

export function writeWorkerOperation(writer: WireWriter, operation: WorkerOperation): void {
  writer.number(numbers.get(operation) ?? 0);
}
