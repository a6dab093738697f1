/** Where a server answers, and what opens it. */
export interface ServedAt {
  /** `grpc://HOST:PORT`, or with `grpcs`; undefined where only sockets in the file system are served. */
  readonly grpc: string | undefined;
  /** `http://HOST:PORT`, or with `https`; undefined as above. */
  readonly http: string | undefined;
  /** Public keys of those that sign what is served to Nix. */
  readonly keys: readonly string[];
  /** Names of instances; the first is the one that the lines use. */
  readonly instances: readonly string[];
  readonly executes: boolean;
  /** Of the owner; undefined where everybody may do everything. */
  readonly token: string | undefined;
  /** Where that is. */
  readonly tokenFile: string;
  readonly tls: boolean;
}

interface Lines {
  readonly file: string;
  readonly lines: readonly string[];
}

/** What to paste into the configuration of clients, exactly; comments begin with `#`. */
export function configurationLines(served: ServedAt): string[] {
  const { grpc, http } = served;
  const parts = grpc === undefined ? [] : [bazelrc(served, grpc), buckconfig(served, grpc), recc(served, grpc)];
  if (grpc !== undefined) parts.push(nixConf(served, grpc));
  if (http !== undefined) parts.push(binaryCache(served, http));
  return parts.flatMap(({ file, lines }) => [`# ${file}`].concat(lines, ''));
}

function bazelrc({ executes, instances, token }: ServedAt, grpc: string): Lines {
  const what = executes ? 'remote_executor' : 'remote_cache';
  const [instance = ''] = instances;
  return {
    file: '.bazelrc',
    lines: [
      `build --${what}=${grpc}`,
      ...(instance === '' ? [] : [`build --remote_instance_name=${instance}`]),
      ...(token === undefined ? [] : [`build "--remote_header=authorization=Bearer ${token}"`]),
    ],
  };
}

function buckconfig({ instances, tls, token }: ServedAt, grpc: string): Lines {
  const [instance = ''] = instances;
  return {
    file: '.buckconfig',
    lines: [
      '[buck2_re_client]',
      `engine_address = ${grpc}`,
      `action_cache_address = ${grpc}`,
      `cas_address = ${grpc}`,
      `tls = ${tls}`,
      `instance_name = ${instance}`,
      ...(token === undefined ? [] : [`http_headers = Authorization: Bearer ${token}`]),
    ],
  };
}

function recc(served: ServedAt, grpc: string): Lines {
  const { executes, instances, token } = served;
  const [instance = ''] = instances;
  const address = grpc.replace(/^grpcs?:/, scheme => (scheme === 'grpcs:' ? 'https:' : 'http:'));
  return {
    file: "recc's environment",
    lines: [
      `export RECC_SERVER=${address}`,
      ...(instance === '' ? [] : [`export RECC_INSTANCE=${instance}`]),
      ...(executes ? [] : ['export RECC_CACHE_ONLY=1']),
      ...(token === undefined ? [] : reccToken(served)),
    ],
  };
}

/** Recc keeps its token to itself where there is no TLS. */
function reccToken({ tls, tokenFile }: ServedAt): string[] {
  const line = `export RECC_ACCESS_TOKEN_PATH=${tokenFile}`;
  if (tls) return [line];
  return ['# recc sends its token over TLS only: serve with TLS, or with --anonymous write (or execute)', line];
}

/** Whoever does not sign is to be trusted for being who they are. */
function binaryCache({ instances, keys }: ServedAt, http: string): Lines {
  const [instance = ''] = instances;
  const uri = `${http}${instance === '' ? '' : `/${instance}`}`;
  return {
    file: "nix.conf of any Nix; 'secret-key-files' of this machine's nix.conf would sign",
    lines:
      keys.length === 0
        ? [`extra-substituters = ${uri}?trusted=1`]
        : [`extra-substituters = ${uri}`, `extra-trusted-public-keys = ${keys.join(' ')}`],
  };
}

function nixConf({ instances, token }: ServedAt, grpc: string): Lines {
  const [instance = ''] = instances;
  const uri = `${grpc.replace(/^grpc/, 'reapi')}${instance === '' ? '' : `/${instance}`}`;
  return {
    file: 'nix.conf of Firn',
    lines: [
      ...(token === undefined ? [] : ['# FIRN_REAPI_TOKEN in the environment has the token']),
      `substituters = ${uri}`,
    ],
  };
}
