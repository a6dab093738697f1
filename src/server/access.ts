import { timingSafeEqual } from 'node:crypto';
import { GrpcStatus, type Metadata, type Peer } from '../grpc/index.ts';

/**
 * What somebody may do: see what is there, add blobs and results of actions, have actions executed, look after the server.
 * Each includes none of the others.
 */
export type Right = 'read' | 'write' | 'execute' | 'admin';

export const rights: readonly Right[] = ['read', 'write', 'execute', 'admin'];

/** Rights in instances: `*` means all that there are. */
export interface Grant {
  readonly instances: '*' | readonly string[];
  readonly rights: readonly Right[];
  /** Store paths that actions may name, with `*` for any characters: all of them unless given. */
  readonly storePaths?: readonly string[] | undefined;
}

export interface TokenGrant extends Grant {
  readonly token: string;
}

export interface CertificateGrant extends Grant {
  /** The common name of a client's certificate. */
  readonly certificate: string;
}

export interface AccessRules {
  /** Names of the instances that there are; the empty one is a name like others. */
  readonly instances: readonly string[];
  /** What those may do who do not say who they are. */
  readonly anonymous: Grant;
  readonly tokens: readonly TokenGrant[];
  readonly certificates: readonly CertificateGrant[];
}

/** Whoever asks, as far as it is known. */
export interface Requester {
  /** Of the header `authorization`. */
  readonly authorization: string | undefined;
  readonly peer: Peer;
}

/** Who may do what where. Coming from this machine proves nothing. */
export class Access {
  readonly #rules: AccessRules;
  readonly #instances: ReadonlySet<string>;

  constructor(rules: AccessRules) {
    this.#rules = rules;
    this.#instances = new Set(rules.instances);
  }

  get instances(): readonly string[] {
    return this.#rules.instances;
  }

  /**
   * Throws `unauthenticated` for a token that nobody has, or where one is needed and none was given; `permissionDenied`
   * where the one that was given does not suffice; `invalidArgument` for an instance that there is not.
   */
  require(call: { readonly metadata: Metadata; readonly peer: Peer }, instance: string, right: Right): void {
    this.requireOf({ authorization: call.metadata.get('authorization'), peer: call.peer }, instance, right);
  }

  requireOf(requester: Requester, instance: string, right: Right): void {
    const grants = this.#grantsOf(requester);
    if (!this.#instances.has(instance)) {
      const names = this.#rules.instances.map(name => `'${name}'`).join(', ');
      throw new GrpcStatus('invalidArgument', `no instance '${instance.slice(0, 200)}': there are ${names}`);
    }
    if (grants.some(grant => allows(grant, instance, right))) return;
    const where = instance === '' ? '' : ` in the instance '${instance}'`;
    if (grants.length > 1) throw new GrpcStatus('permissionDenied', `the right to ${right}${where} is missing`);
    const message = `to ${right}${where} a token is needed, as metadata 'authorization: Bearer TOKEN'`;
    throw new GrpcStatus('unauthenticated', message);
  }

  /** Whether a requester has a right, for answers that depend on it. */
  has(requester: Requester, instance: string, right: Right): boolean {
    return this.#grantsOf(requester).some(grant => allows(grant, instance, right));
  }

  /**
   * Whether actions of a requester may name whatever there is of a store; if not, those of `names` that they may name.
   */
  nameable(requester: Requester, instance: string, names: readonly string[]): 'all' | ReadonlySet<string> {
    const grants = this.#grantsOf(requester).filter(grant => allows(grant, instance, 'execute'));
    if (grants.some(({ storePaths }) => storePaths === undefined)) return 'all';
    const patterns = grants.flatMap(({ storePaths = [] }) => storePaths.map(patternOf));
    return new Set(names.filter(name => patterns.some(pattern => pattern.test(name))));
  }

  /** Everybody's first. */
  #grantsOf({ authorization, peer }: Requester): Grant[] {
    const grants: Grant[] = [this.#rules.anonymous];
    if (authorization !== undefined) {
      const token = tokenOf(authorization);
      const found = this.#rules.tokens.find(grant => token !== undefined && equalSecrets(grant.token, token));
      if (found === undefined)
        throw new GrpcStatus('unauthenticated', 'the token is none of those that this server knows');
      grants.push(found);
    }
    const name = peer.certificateName;
    grants.push(...this.#rules.certificates.filter(({ certificate }) => certificate === name));
    return grants;
  }
}

function allows(grant: Grant, instance: string, right: Right): boolean {
  return grant.rights.includes(right) && (grant.instances === '*' || grant.instances.includes(instance));
}

function patternOf(text: string): RegExp {
  const escaped = text.split('*').map(part => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's');
}

/** Of `Bearer TOKEN`, or the password of `Basic`: what clients have of HTTP can often say no more. */
function tokenOf(authorization: string): string | undefined {
  const [scheme = '', value = ''] = authorization.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) : undefined;
}

/** In a time that does not tell how much of it was right. */
function equalSecrets(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}
