import { create, toBinary } from '@bufbuild/protobuf';
import { type Duration, type Timestamp, anyPack } from '@bufbuild/protobuf/wkt';
import { GrpcStatus, statusCodes } from '../../../grpc/index.ts';
import { BadRequestSchema, type Qualifier, StatusSchema } from '../../../proto/index.ts';
import { type Checksum, parseChecksums } from './checksum.ts';

/** What is asked for, beside where it may be had. */
export interface AssetSelection {
  /** Any of these: those of the strongest algorithm that was given. */
  readonly checksums: readonly Checksum[];
  /** `bazel.canonical_id`: contents of one name are not taken for another's because their checksums agree. */
  readonly canonicalId: string;
  readonly commit: string | undefined;
  readonly branch: string | undefined;
  readonly resourceType: string | undefined;
}

export interface AssetRequest {
  readonly uris: readonly string[];
  readonly selection: AssetSelection;
  /** What a server is told, by the place of its URI in `uris`. */
  headers(at: number): Readonly<Record<string, string>>;
  /** Milliseconds; undefined where the client leaves it to us. */
  readonly timeout: number | undefined;
  /** Milliseconds since the epoch; undefined where any age will do. */
  readonly oldestAccepted: number | undefined;
}

interface Asked {
  readonly uris: readonly string[];
  readonly qualifiers: readonly Qualifier[];
  readonly timeout?: Duration | undefined;
  readonly oldestContentAccepted?: Timestamp | undefined;
}

/** More URIs of one asset, or longer ones, are not looked at. */
const maxUris = 100;
const maxUriLength = 8192;
const maxQualifiers = 200;

/** What clients ask for. Throws `invalidArgument`, naming each qualifier that is not supported as the API has it. */
export function parseAssetRequest(asked: Asked): AssetRequest {
  const { uris, timeout, oldestContentAccepted } = asked;
  if (uris.length === 0) throw new GrpcStatus('invalidArgument', 'no URI of the asset is given');
  if (uris.length > maxUris || uris.some(uri => uri.length > maxUriLength)) {
    throw new GrpcStatus(
      'invalidArgument',
      `more than ${maxUris} URIs, or one of more than ${maxUriLength} characters`,
    );
  }
  const { selection, common, single } = parseQualifiers(asked.qualifiers);
  return {
    uris,
    selection,
    headers: at => ({ ...common, ...single.get(at) }),
    timeout: timeout === undefined ? undefined : Number(timeout.seconds) * 1000 + timeout.nanos / 1e6,
    oldestAccepted: oldestContentAccepted === undefined ? undefined : millisecondsOf(oldestContentAccepted),
  };
}

export function millisecondsOf({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}

interface Qualifiers {
  readonly selection: AssetSelection;
  readonly common: Record<string, string>;
  readonly single: Map<number, Record<string, string>>;
}

/** Throws `invalidArgument`. */
export function parseQualifiers(qualifiers: readonly Qualifier[]): Qualifiers {
  if (qualifiers.length > maxQualifiers) {
    throw new GrpcStatus('invalidArgument', `more than ${maxQualifiers} qualifiers`);
  }
  const values = new Map<string, string>();
  const common: Record<string, string> = {};
  const single = new Map<number, Record<string, string>>();
  const unknown: string[] = [];
  for (const { name, value } of qualifiers) {
    const [, header] = /^http_header:(.+)$/.exec(name) ?? [];
    const [, place, ofPlace] = /^http_header_url:([0-9]{1,3}):(.+)$/.exec(name) ?? [];
    if (values.has(name)) throw new GrpcStatus('invalidArgument', `two qualifiers '${name.slice(0, 200)}'`);
    values.set(name, value);
    if (header !== undefined) addHeader(common, header, value);
    else if (ofPlace !== undefined) {
      const headers = single.get(Number(place)) ?? {};
      single.set(Number(place), headers);
      addHeader(headers, ofPlace, value);
    } else if (!known.has(name)) unknown.push(name);
  }
  if (unknown.length > 0) throw unsupported(unknown);
  const given = (name: string) => (values.get(name) === '' ? undefined : values.get(name));
  const selection = {
    checksums: parseChecksums(values.get('checksum.sri') ?? ''),
    canonicalId: values.get('bazel.canonical_id') ?? '',
    commit: given('vcs.commit'),
    branch: given('vcs.branch'),
    resourceType: given('resource_type'),
  };
  if (selection.commit !== undefined && !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(selection.commit)) {
    throw new GrpcStatus('invalidArgument', `'vcs.commit' is no commit: '${selection.commit.slice(0, 200)}'`);
  }
  if (selection.branch !== undefined && !/^[0-9A-Za-z_][0-9A-Za-z_./-]{0,200}$/.test(selection.branch)) {
    throw new GrpcStatus('invalidArgument', `'vcs.branch' is no branch: '${selection.branch.slice(0, 200)}'`);
  }
  return { selection, common, single };
}

const known: ReadonlySet<string> = new Set([
  'checksum.sri',
  'bazel.canonical_id',
  'vcs.commit',
  'vcs.branch',
  'resource_type',
]);

/** Headers that say how a message is sent rather than who asks for what. */
const ours = /^(?:host|connection|content-.*|transfer-.*|te|upgrade|trailer|proxy-.*|keep-alive|range|expect)$/;

function addHeader(headers: Record<string, string>, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (!/^[0-9a-z!#$%&'*+.^_`|~-]+$/.test(lower) || ours.test(lower) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw new GrpcStatus('invalidArgument', `no header that a client may set: '${name.slice(0, 200)}'`);
  }
  headers[lower] = value;
}

function unsupported(names: readonly string[]): GrpcStatus {
  const message = `qualifiers that are not supported: ${names.map(name => `'${name.slice(0, 200)}'`).join(', ')}`;
  const violations = names.map(name => ({ field: 'qualifiers.name', description: `"${name}" not supported` }));
  const badRequest = create(BadRequestSchema, { fieldViolations: violations });
  const details = [anyPack(BadRequestSchema, badRequest)];
  const status = create(StatusSchema, { code: statusCodes.invalidArgument, message, details });
  return new GrpcStatus('invalidArgument', message, { details: toBinary(StatusSchema, status) });
}
