import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type SecureContextOptions, createSecureContext } from 'node:tls';
import type { ClientIdentity } from './http-request.ts';

/** Variables of the environment that name proxies, as curl knows them; `HTTP_PROXY` is not one (CGI sets it). */
const proxyVariables = ['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY'];

export type Variables = Readonly<Record<string, string | undefined>>;

/** Connections that are kept, and what they are made with. Those that nobody uses do not keep the process alive. */
export class HttpAgents {
  readonly #proxies: Variables;
  readonly #caFile: string | undefined;
  readonly #http: HttpAgent;
  readonly #https = new Map<string, HttpsAgent>();
  #authorities: string | undefined;

  /** `caFile` has the certificates to trust, in PEM; those that Node knows unless given. */
  constructor(variables: Variables, caFile: string | undefined) {
    this.#proxies = proxiesOf(variables);
    this.#caFile = caFile;
    this.#http = new HttpAgent({ keepAlive: true, proxyEnv: this.#proxies });
  }

  /** Throws what reading the files of certificates and using their contents throws. */
  agentFor(url: URL, identity: ClientIdentity | undefined): HttpAgent {
    if (url.protocol === 'http:') return this.#http;
    const key = JSON.stringify([identity?.certificate, identity?.key]);
    let agent = this.#https.get(key);
    if (agent === undefined) {
      agent = new HttpsAgent({ keepAlive: true, proxyEnv: this.#proxies, secureContext: this.#makeContext(identity) });
      this.#https.set(key, agent);
    }
    return agent;
  }

  /** Made once: reading all authorities takes longer than connecting. */
  #makeContext(identity: ClientIdentity | undefined): ReturnType<typeof createSecureContext> {
    const options: SecureContextOptions = {};
    if (this.#caFile !== undefined) {
      this.#authorities ??= readFileSync(this.#caFile, 'latin1');
      options.ca = this.#authorities;
    }
    if (identity?.certificate !== undefined) options.cert = readFileSync(identity.certificate);
    if (identity?.key !== undefined) options.key = readFileSync(identity.key);
    return createSecureContext(options);
  }
}

/** In the form that Node knows, which has no variable for all protocols. */
function proxiesOf(variables: Variables): Variables {
  const proxies: Record<string, string> = {};
  for (const name of proxyVariables) {
    const value = variables[name];
    if (value !== undefined && value !== '') proxies[name] = value;
  }
  const all = proxies['all_proxy'] ?? proxies['ALL_PROXY'];
  if (all !== undefined) {
    proxies['http_proxy'] ??= all;
    if (proxies['HTTPS_PROXY'] === undefined) proxies['https_proxy'] ??= all;
  }
  for (const [name, value] of Object.entries(proxies)) {
    const isProxy = name !== 'no_proxy' && name !== 'NO_PROXY';
    if (isProxy && !value.includes('://')) proxies[name] = `http://${value}`;
  }
  return proxies;
}
