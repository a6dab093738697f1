import { readFileSync } from 'node:fs';
import { displayBytes, systemErrorText } from '../../base/index.ts';
import { type SettingType, booleanType, optionalAbsolutePathType, stringType } from '../../nix-compat/index.ts';
import { type Store, type StoreParameters, type StoreRequest, takeSecretKeys, takeTraits } from '../../store/index.ts';
import { ReapiServer } from '../client/reapi-server.ts';
import { type ServerEndpoint, parseEndpoint } from '../client/server-endpoint.ts';
import { ReapiError } from '../error.ts';
import { explainFailure } from './explain-failure.ts';
import { ReapiStore } from './reapi-store.ts';

/** After the binary caches that a user is likely to have, which are one request a path. */
const defaultPriority = 60;

/**
 * `reapi://host:port[/instance]`, `reapis://host[:port][/instance]` (by TLS) or `reapi+unix:///path/of/socket`. Throws
 * `endpoint/malformed`, `remote/unreachable`, `remote/failed`, `server/incapable`, and what parameters give cause for.
 */
export async function openReapiStore(request: StoreRequest): Promise<Store> {
  const { scheme, authority, parameters, context } = request;
  const traits = takeTraits(parameters, context.environment.storeDir);
  const secretKeys = takeSecretKeys(parameters);
  const splices = parameters.take('splice', booleanType, false);
  const options = takeServer(endpointOf(scheme, displayBytes(authority)), request);
  parameters.warnUnknown(context.reporter);
  const uri = `${scheme}://${authority}`;
  await using stack = new AsyncDisposableStack();
  const server = stack.use(new ReapiServer(options));
  // A substituter that is not there is left out, rather than failing whatever is asked of it.
  const { digestFunctions } = await explainFailure(uri, () => server.traits());
  if (!digestFunctions.has('sha256')) {
    throw new ReapiError('server/incapable', `'${uri}' does not name blobs by SHA-256`);
  }
  stack.move();
  return new ReapiStore({
    uri,
    storeDir: traits.storeDir,
    priority: traits.priority ?? defaultPriority,
    wantMassQuery: traits.wantMassQuery ?? true,
    isTrusted: traits.isTrusted,
    pathInfoCacheSize: traits.pathInfoCacheSize,
    secretKeys,
    splices,
    reporter: context.reporter,
    server,
  });
}

function endpointOf(scheme: string, authority: string): ServerEndpoint {
  const schemes: Readonly<Record<string, string>> = { reapi: 'grpc', reapis: 'grpcs', 'reapi+unix': 'unix' };
  return parseEndpoint(`${schemes[scheme] ?? ''}://${decodeURIComponent(authority)}`);
}

function takeServer({ address, instance }: ServerEndpoint, { parameters, context }: StoreRequest) {
  const optional = (name: string) => takeOptional(parameters, name, optionalAbsolutePathType);
  const [tokenFile, ca, certificate, key] = ['token-file', 'tls-ca', 'tls-certificate', 'tls-private-key'].map(
    optional,
  );
  const isSecure = address.transport === 'tcp' && address.tls !== undefined;
  // Whom downloads trust.
  const usual = isSecure ? context.settings.get('ssl-cert-file') : undefined;
  const authorities = ca ?? usual;
  const tls = {
    ca: authorities === undefined ? undefined : readText(authorities),
    certificate: certificate === undefined ? undefined : readText(certificate),
    key: key === undefined ? undefined : readText(key),
  };
  // Named by the lines that `firn serve` prints.
  const token = tokenFile === undefined ? process.env['FIRN_REAPI_TOKEN'] : readText(tokenFile).trim();
  return {
    address: isSecure ? { ...address, tls } : address,
    instance: parameters.take('instance', stringType, instance),
    ...(token === undefined || token === '' ? {} : { metadata: { authorization: `Bearer ${token}` } }),
  };
}

function takeOptional<T>(parameters: StoreParameters, name: string, type: SettingType<T | undefined>): T | undefined {
  return parameters.take<T | undefined>(name, type, undefined);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ReapiError('endpoint/malformed', `cannot read '${file}': ${systemErrorText(cause)}`, { cause });
  }
}
