import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { byteStringFromLatin1, errnoOf, messageOf, systemErrorText } from '../../base/index.ts';
import { type HoldLimits, defaultHoldLimits } from '../../castore/index.ts';
import { readToml } from '../../eval/index.ts';
import type { TlsIdentity } from '../../grpc/index.ts';
import {
  type Grant,
  type NarCompression,
  type Right,
  narCompressions,
  rights as allRights,
} from '../../server/index.ts';
import { CliError } from '../error.ts';
import { ConfigTable } from './config-table.ts';
import { parseListenAddress } from './listen-address.ts';
import {
  type ExecutionSettings,
  type NixCacheSettings,
  type ServeSettings,
  anonymousLevels,
  defaultServeSettings,
} from './serve-settings.ts';

type Config = { readonly [name in keyof ServeSettings]?: ServeSettings[name] | undefined };

/**
 * What a `firn.toml` says (docs/guide/serving.md); files that it names are beside it. Throws `config/malformed`, naming the
 * file and the place.
 */
export function readServeConfig(path: string): Partial<ServeSettings> {
  const config = readConfig(readRoot(path), (name: string) => readBeside(path, name));
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

function readRoot(path: string): ConfigTable {
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (cause) {
    throw new CliError('config/malformed', `cannot read '${path}': ${systemErrorText(cause)}`, { cause });
  }
  try {
    return new ConfigTable(readToml(byteStringFromLatin1(text.toString('latin1'))), path);
  } catch (cause) {
    throw new CliError('config/malformed', `'${path}' is no TOML: ${messageOf(cause)}`, { cause });
  }
}

function readConfig(root: ConfigTable, read: (name: string) => Buffer): Config {
  const tls = readTls(root.table('tls'), read);
  const addresses = (name: 'grpc' | 'http') =>
    root.strings(name)?.map(text => parseListenAddress(text, `'${name}' of the configuration`, tls));
  const limits = root.table('limits');
  const drain = root.count('drain');
  const instances = root.strings('instances');
  const config = {
    tls,
    grpc: addresses('grpc'),
    http: addresses('http'),
    instances,
    anonymous: readLevel(root),
    lease: root.count('lease'),
    drain: drain === undefined ? undefined : drain * 1000,
    maxSize: root.count('max-size'),
    maxAssetSize: limits?.count('asset-size'),
    assetsFromNearby: root.boolean('assets-from-nearby'),
    maxBlobSize: limits?.count('blob-size'),
    traces: readTraces(root.table('traces')),
    nixCache: readNixCache(root.table('nix-cache'), instances ?? defaultServeSettings.instances),
    execution: readExecution(root.table('execution')),
    actionCache: readActionCache(root.table('action-cache')),
    server: {
      messageSize: limits?.count('message-size'),
      connections: limits?.count('connections'),
      calls: limits?.count('calls'),
      callsPerConnection: limits?.count('calls-per-connection'),
    },
    tokens: readGrants(root.tables('token'), table => ({ token: readToken(table, read) })),
    certificates: readGrants(root.tables('certificate'), table => ({ certificate: required(table, 'name') })),
  };
  limits?.finish();
  // For whoever fetches what has mirrors (settings/firn-toml.ts).
  root.table('mirrors');
  root.finish();
  return config;
}

function readTraces(table: ConfigTable | undefined): ServeSettings['traces'] {
  if (table === undefined) return undefined;
  const endpoint = required(table, 'endpoint');
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw table.wrong('endpoint', 'a URL of http or https');
  const authorization = table.string('authorization');
  table.finish();
  return { endpoint, headers: authorization === undefined ? {} : { authorization } };
}

function readTls(table: ConfigTable | undefined, read: (name: string) => Buffer): TlsIdentity | undefined {
  if (table === undefined) return undefined;
  const clientCa = table.string('client-ca');
  const tls = { certificate: read(required(table, 'certificate')), key: read(required(table, 'key')) };
  table.finish();
  return clientCa === undefined ? tls : { ...tls, clientCa: read(clientCa) };
}

function readNixCache(table: ConfigTable | undefined, instances: readonly string[]): NixCacheSettings | undefined {
  if (table === undefined) return undefined;
  const { nixCache: defaults } = defaultServeSettings;
  const name = table.string('compression');
  if (name !== undefined && !isNarCompression(name)) {
    throw table.wrong('compression', `one of ${Object.keys(narCompressions).join(', ')}`);
  }
  const settings = {
    compression: name ?? defaults.compression,
    priority: table.count('priority') ?? defaults.priority,
    pullsThrough: table.boolean('pull-through') ?? defaults.pullsThrough,
    privateInstances: table.strings('private') ?? defaults.privateInstances,
  };
  const unknown = settings.privateInstances.find(each => !instances.includes(each));
  if (unknown !== undefined) throw table.wrong('private', `names of instances, of which '${unknown}' is none`);
  table.finish();
  return settings;
}

function readExecution(table: ConfigTable | undefined): ExecutionSettings | undefined {
  if (table === undefined) return undefined;
  const milliseconds = (name: string) => {
    const seconds = table.count(name);
    return seconds === undefined ? undefined : seconds * 1000;
  };
  const slots = table.count('slots');
  if (slots === 0) throw table.wrong('slots', '1 or more');
  const hostPaths = table.strings('host-paths');
  const relative = hostPaths?.find(path => !path.startsWith('/'));
  if (relative !== undefined) throw table.wrong('host-paths', `a list of absolute paths: '${relative}' is none`);
  const settings = {
    enabled: table.boolean('enabled') ?? true,
    slots,
    maxWaiting: table.count('max-waiting'),
    hostPaths,
    network: table.boolean('network'),
    wholeStore: table.boolean('whole-store'),
    nixDaemon: table.boolean('nix-daemon'),
    defaultTimeout: milliseconds('default-timeout'),
    maxTimeout: milliseconds('max-timeout'),
    maxOutput: table.count('max-output'),
    platform: readPlatform(table.table('platform')),
  };
  table.finish();
  return settings;
}

function readPlatform(table: ConfigTable | undefined): ReadonlyMap<string, readonly string[]> {
  return new Map((table?.names() ?? []).map(name => [name, table?.strings(name) ?? []]));
}

function readActionCache(table: ConfigTable | undefined): HoldLimits | undefined {
  if (table === undefined) return undefined;
  const limits = {
    maxAge: table.count('max-age') ?? defaultHoldLimits.maxAge,
    maxSize: table.count('max-size') ?? defaultHoldLimits.maxSize,
  };
  table.finish();
  return limits;
}

function isNarCompression(name: string): name is NarCompression {
  return Object.hasOwn(narCompressions, name);
}

function readLevel(root: ConfigTable): readonly Right[] | undefined {
  const name = root.string('anonymous');
  if (name === undefined) return undefined;
  const level = Object.hasOwn(anonymousLevels, name) ? anonymousLevels[name] : undefined;
  if (level === undefined) throw root.wrong('anonymous', `one of ${Object.keys(anonymousLevels).join(', ')}`);
  return level;
}

function readGrants<T>(tables: readonly ConfigTable[], who: (table: ConfigTable) => T): (T & Grant)[] {
  return tables.map(table => {
    const instances: Grant['instances'] = table.strings('instances') ?? '*';
    const rights = table.strings('rights')?.map(name => {
      const right = allRights.find(each => each === name);
      if (right === undefined) throw table.wrong('rights', `of ${allRights.join(', ')}`);
      return right;
    });
    const storePaths = table.strings('store-paths');
    const named = storePaths === undefined ? {} : { storePaths };
    const grant = { ...who(table), instances, rights: rights ?? [], ...named };
    if (rights === undefined) throw table.wrong('rights', 'there, a list');
    table.finish();
    return grant;
  });
}

function readToken(table: ConfigTable, read: (name: string) => Buffer): string {
  const file = table.string('file');
  const token = file === undefined ? required(table, 'token') : read(file).toString('utf8').trim();
  if (file !== undefined && table.string('token') !== undefined) throw table.wrong('token', "allowed beside 'file'");
  if (!/^[\x21-\x7e]{8,}$/.test(token)) throw table.wrong('token', 'of 8 or more characters without blanks');
  return token;
}

function required(table: ConfigTable, name: string): string {
  const value = table.string(name);
  if (value === undefined) throw table.wrong(name, 'there, a string');
  return value;
}

function readBeside(config: string, name: string): Buffer {
  const path = resolve(dirname(config), name);
  try {
    return readFileSync(path);
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    throw new CliError('config/malformed', `${config}: cannot read '${path}': ${systemErrorText(cause)}`, { cause });
  }
}
