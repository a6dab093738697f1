import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { type SecureContext, type SecureContextOptions, createSecureContext } from 'node:tls';
import { ConnectionPool } from './connection-pool.ts';
import { type HttpCall, PooledCall } from './http-call.ts';
import type { ClientIdentity, UnsignedRequest } from './http-request.ts';
import { requireDistantHost } from './public-servers.ts';

/** Variables of the environment that name proxies, as curl knows them; `HTTP_PROXY` is not one (CGI sets it). */
const proxyVariables = ['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];
const exceptionVariables = ['no_proxy', 'NO_PROXY'];

export type Variables = Readonly<Record<string, string | undefined>>;

export interface RoutesOptions {
  readonly variables: Variables;
  /** Has the certificates to trust, in PEM; those that Node knows unless given. */
  readonly caFile: string | undefined;
  /** To one server, beyond which none is opened ahead. */
  readonly connections: number;
  /** Whether servers of this machine and on its links are not asked. */
  readonly isDistant?: boolean | undefined;
}

/**
 * How requests get to their servers. What is only asked for goes over connections of our own; what has a body, or goes
 * through a proxy, by node:http, which is loaded for it. Connections that nobody uses do not keep the process alive.
 */
export class HttpRoutes {
  /** Undefined where there are none. */
  readonly #proxies: Variables | undefined;
  readonly #caFile: string | undefined;
  readonly #pools = new Map<string, ConnectionPool>();
  readonly #agents = new Map<string, Agent>();
  readonly #contexts = new Map<string, SecureContext>();
  readonly #isDistant: boolean;
  readonly #connections: number;
  #authorities: string | undefined;

  constructor({ variables, caFile, isDistant = false, connections }: RoutesOptions) {
    this.#connections = connections;
    this.#proxies = proxiesOf(variables);
    this.#caFile = caFile;
    this.#isDistant = isDistant;
  }

  /**
   * What begins `request`, once for each call of it. Throws what reading the files of certificates and using their
   * contents throws.
   */
  async route(request: UnsignedRequest, identity: ClientIdentity | undefined): Promise<() => HttpCall> {
    const { method, url, headers, body, isSmall } = request;
    // Names are looked up where connections are made; with a proxy that is its own affair.
    if (this.#isDistant) requireDistantHost(url.hostname);
    const context = url.protocol === 'https:' ? this.#contextOf(identity) : undefined;
    if (this.#proxies === undefined && body === undefined && (method === 'GET' || method === 'HEAD')) {
      const pool = this.#poolOf(url, context, identity);
      return () => new PooledCall(pool, { method, url, headers, isSmall });
    }
    const { NodeCall, makeAgent } = await import('./node-call.ts');
    const key = keyOf(url.protocol, identity);
    const agent = this.#agents.get(key) ?? makeAgent(this.#proxies, context);
    this.#agents.set(key, agent);
    return () => new NodeCall(request, agent);
  }

  #poolOf(url: URL, context: SecureContext | undefined, identity: ClientIdentity | undefined): ConnectionPool {
    const key = keyOf(url.origin, identity);
    const options = { secureContext: context, isDistant: this.#isDistant, connections: this.#connections };
    let pool = this.#pools.get(key);
    if (pool === undefined) this.#pools.set(key, (pool = new ConnectionPool(url, options)));
    return pool;
  }

  /** Made once: reading all authorities takes longer than connecting. */
  #contextOf(identity: ClientIdentity | undefined): SecureContext {
    const key = keyOf('', identity);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const options: SecureContextOptions = {};
    if (this.#caFile !== undefined) {
      this.#authorities ??= readFileSync(this.#caFile, 'latin1');
      options.ca = this.#authorities;
    }
    if (identity?.certificate !== undefined) options.cert = readFileSync(identity.certificate);
    if (identity?.key !== undefined) options.key = readFileSync(identity.key);
    const context = createSecureContext(options);
    this.#contexts.set(key, context);
    return context;
  }
}

function keyOf(place: string, identity: ClientIdentity | undefined): string {
  return identity === undefined ? place : JSON.stringify([place, identity.certificate, identity.key]);
}

/** In the form that Node knows, which has no variable for all protocols. Undefined where no proxy is named. */
function proxiesOf(variables: Variables): Variables | undefined {
  const proxies: Record<string, string> = {};
  for (const name of proxyVariables) {
    const value = variables[name];
    if (value !== undefined && value !== '') proxies[name] = value.includes('://') ? value : `http://${value}`;
  }
  if (Object.keys(proxies).length === 0) return undefined;
  const all = proxies['all_proxy'] ?? proxies['ALL_PROXY'];
  if (all !== undefined) {
    proxies['http_proxy'] ??= all;
    if (proxies['HTTPS_PROXY'] === undefined) proxies['https_proxy'] ??= all;
  }
  for (const name of exceptionVariables) {
    const value = variables[name];
    if (value !== undefined && value !== '') proxies[name] = value;
  }
  return proxies;
}
