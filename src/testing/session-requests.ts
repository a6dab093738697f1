import { ignoreTree } from '../base/index.ts';
import {
  type ServeCommand,
  WireReader,
  type WorkerOperation,
  acceptServeConnection,
  acceptWorkerConnection,
  defaultStoreDir,
  protocolVersion,
  readExport,
  readServeCommand,
  readWorkerOperation,
} from '../nix-compat/index.ts';

/** A part of a request, in bytes from the start of what the client sent. */
export interface RequestField {
  /** A number of 64 bits, a padded string with its length, or what is sent as it is. */
  readonly kind: 'number' | 'string' | 'data';
  readonly start: number;
  readonly end: number;
}

export interface SessionRequest {
  readonly name: WorkerOperation | ServeCommand;
  readonly start: number;
  readonly end: number;
  /** All that it consists of, in order; the first is the number of the operation. */
  readonly fields: readonly RequestField[];
}

/** What a client said in one connection. */
export interface SessionRequests {
  /** As both sides agreed on it. */
  readonly version: number;
  /** Where the greeting ends. */
  readonly greeting: RequestField[];
  readonly requests: readonly SessionRequest[];
}

/** Keeps where what it reads was. */
class FieldReader extends WireReader {
  fields: RequestField[] = [];

  override async number(max?: number): Promise<number> {
    const start = this.offset;
    const value = await super.number(max);
    this.#note('number', start);
    return value;
  }

  override async bigint(): Promise<bigint> {
    const start = this.offset;
    const value = await super.bigint();
    this.#note('number', start);
    return value;
  }

  override async string(): ReturnType<WireReader['string']> {
    const start = this.offset;
    const value = await super.string();
    this.#note('string', start);
    return value;
  }

  async skip(size: number): Promise<void> {
    const start = this.offset;
    for (let left = size; left > 0;) left -= (await this.chunk(left)).byteLength;
    if (size > 0) this.#note('data', start);
  }

  async skipExport(): Promise<void> {
    const start = this.offset;
    const { fields } = this;
    this.fields = [];
    await readExport(this, defaultStoreDir, { startObject: () => ignoreTree, endObject() {} });
    this.fields = fields;
    this.#note('data', start);
  }

  take(): RequestField[] {
    const { fields } = this;
    this.fields = [];
    return fields;
  }

  #note(kind: RequestField['kind'], start: number): void {
    this.fields.push({ kind, start, end: this.offset });
  }
}

/**
 * What requests consist of, a letter each: a number, a string, a list of strings, a map of them, a
 * basic derivation, framed data, an export.
 */
type Form = 'n' | 's' | 'l' | 'm' | 'd' | 'f' | 'x';

const readers: Readonly<Record<Form, (reader: FieldReader) => Promise<unknown>>> = {
  n: reader => reader.bigint(),
  s: reader => reader.string(),
  l: reader => reader.list(() => reader.string()),
  m: reader =>
    reader.map(
      () => reader.string(),
      () => reader.string(),
    ),
  d: async reader => {
    await reader.list(() => readForm(reader, 'ssss'));
    await readForm(reader, 'lsslm');
  },
  f: async reader => {
    for (let size = await reader.number(); size > 0; size = await reader.number()) await reader.skip(size);
  },
  x: reader => reader.skipExport(),
};

async function readForm(reader: FieldReader, form: string): Promise<void> {
  for (const letter of form) await readers[letter as Form](reader);
}

const workerForms: { readonly [Operation in WorkerOperation]?: string } = {
  IsValidPath: 's',
  QueryReferrers: 's',
  AddToStore: 'sslnf',
  BuildPaths: 'ln',
  EnsurePath: 's',
  AddTempRoot: 's',
  AddIndirectRoot: 's',
  SyncWithGC: '',
  FindRoots: '',
  QueryDeriver: 's',
  SetOptions: 'nnnnnnnnnnnnm',
  CollectGarbage: 'nlnnnnn',
  QuerySubstitutablePathInfo: 's',
  QueryAllValidPaths: '',
  QueryPathInfo: 's',
  QueryPathFromHashPart: 's',
  QuerySubstitutablePathInfos: 'm',
  QueryValidPaths: 'ln',
  QuerySubstitutablePaths: 'l',
  QueryValidDerivers: 's',
  OptimiseStore: '',
  VerifyStore: 'nn',
  BuildDerivation: 'sdn',
  AddSignatures: 'sl',
  NarFromPath: 's',
  AddToStoreNar: 'ssslnnnlsnnf',
  QueryMissing: 'l',
  QueryDerivationOutputMap: 's',
  RegisterDrvOutput: 's',
  QueryRealisation: 's',
  AddMultipleToStore: 'nnf',
  AddBuildLog: 'sf',
  BuildPathsWithResults: 'ln',
  AddPermRoot: 'ss',
};

const buildOptionForms: readonly (readonly [since: number, form: string])[] = [
  [protocolVersion(2, 7), 'nnnnnn'],
  [protocolVersion(2, 3), 'nnnnn'],
];

async function readServeRequest(reader: FieldReader, command: ServeCommand, version: number): Promise<void> {
  const buildOptions = buildOptionForms.find(([since]) => version >= since)?.[1] ?? 'nnn';
  switch (command) {
    case 'QueryValidPaths':
      return readForm(reader, 'nnl');
    case 'QueryPathInfos':
      return readForm(reader, 'l');
    case 'DumpStorePath':
      return readForm(reader, 's');
    case 'ImportPaths':
      return readForm(reader, 'x');
    case 'BuildPaths':
      return readForm(reader, `l${buildOptions}`);
    case 'QueryClosure':
      return readForm(reader, 'nl');
    case 'BuildDerivation':
      return readForm(reader, `sd${buildOptions}`);
    case 'AddToStoreNar': {
      await readForm(reader, 'sssln');
      const size = await reader.number();
      await readForm(reader, 'nls');
      return reader.skip(size);
    }
  }
}

/** Finds the borders of all that a client of the worker protocol sent, who spoke `version`. */
export async function parseWorkerRequests(sent: Uint8Array, version: number): Promise<SessionRequests> {
  const reader = new FieldReader([sent]);
  const offered = { version, features: new Set<never>() };
  await acceptWorkerConnection({ reader, send: () => {} }, { version: undefined, trustsClient: undefined }, offered);
  const greeting = reader.take();
  const requests: SessionRequest[] = [];
  for (let start = reader.offset; ; start = reader.offset) {
    const name = await readWorkerOperation(reader);
    if (name === undefined) return { version, greeting, requests };
    const form = workerForms[name];
    if (form === undefined) throw new TypeError(`what '${name}' consists of is not known`);
    await readForm(reader, form);
    requests.push({ name, start, end: reader.offset, fields: reader.take() });
  }
}

/** As `parseWorkerRequests`, of the serve protocol. */
export async function parseServeRequests(sent: Uint8Array): Promise<SessionRequests> {
  const reader = new FieldReader([sent]);
  const version = await acceptServeConnection({ reader, send: () => {} });
  const greeting = reader.take();
  const requests: SessionRequest[] = [];
  for (let start = reader.offset; ; start = reader.offset) {
    const name = await readServeCommand(reader);
    if (name === undefined) return { version, greeting, requests };
    await readServeRequest(reader, name, version);
    requests.push({ name, start, end: reader.offset, fields: reader.take() });
  }
}
