import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Reporter, errnoOf, messageOf } from '../../../base/index.ts';
import { StoreError } from '../../error.ts';
import type { Variables } from '../http/http-routes.ts';
import { type AwsProfile, parseAwsConfig } from './aws-config.ts';
import type { AwsCredentials } from './aws-signature.ts';

export interface AwsCredentialsOptions {
  /** Of `~/.aws/config` and `~/.aws/credentials`; that of the environment, else `default`, where it is empty. */
  readonly profile: string;
  /** Of the environment. */
  readonly variables: Variables;
  readonly reporter: Reporter;
}

/** Credentials, and until when they are good: a time of `Date.now()`. */
interface Lease {
  readonly credentials: AwsCredentials;
  readonly expires: number;
}

/** How long before their end credentials are renewed, in milliseconds. */
const renewEarly = 5 * 60_000;

/** For services of the container and of the machine, which answer at once where they are there. */
const serviceTimeout = 1000;

/** For a program that makes credentials, which may ask somebody. */
const programTimeout = 60_000;

/** Bytes of answers and files that are read. */
const maxSize = 1024 * 1024;

/**
 * Who we are to AWS: what the environment says, else what the profile does, else the container's or the machine's own
 * service. Asked once for as long as the answer is good.
 */
export class AwsCredentialsProvider {
  readonly #options: AwsCredentialsOptions;
  #lease: Promise<Lease | undefined> | undefined;

  constructor(options: AwsCredentialsOptions) {
    this.#options = options;
  }

  /** Undefined where nobody knows: for buckets that all may read. Throws `cache/no-credentials` for what is there and no use. */
  async get(): Promise<AwsCredentials | undefined> {
    const current = this.#lease;
    const lease = await current;
    const isGood = lease === undefined || lease.expires - renewEarly > Date.now();
    if (current !== undefined && isGood) return lease?.credentials;
    if (this.#lease === current) this.#lease = this.#find();
    return (await this.#lease)?.credentials;
  }

  async #find(): Promise<Lease | undefined> {
    return this.#fromEnvironment() ?? (await this.#fromProfile()) ?? (await this.#fromService());
  }

  #variable(name: string): string | undefined {
    return this.#options.variables[name] || undefined;
  }

  #fromEnvironment(): Lease | undefined {
    return forEver({
      accessKeyId: this.#variable('AWS_ACCESS_KEY_ID'),
      secretAccessKey: this.#variable('AWS_SECRET_ACCESS_KEY'),
      sessionToken: this.#variable('AWS_SESSION_TOKEN'),
    });
  }

  async #fromProfile(): Promise<Lease | undefined> {
    const name = this.#options.profile || (this.#variable('AWS_PROFILE') ?? 'default');
    const folder = join(this.#variable('HOME') ?? homedir(), '.aws');
    const secrets = readProfile(this.#variable('AWS_SHARED_CREDENTIALS_FILE') ?? join(folder, 'credentials'), name);
    const settings = readProfile(this.#variable('AWS_CONFIG_FILE') ?? join(folder, 'config'), name);
    const get = (setting: string) => secrets?.get(setting) ?? settings?.get(setting);
    const found = forEver({
      accessKeyId: get('aws_access_key_id'),
      secretAccessKey: get('aws_secret_access_key'),
      sessionToken: get('aws_session_token'),
    });
    if (found !== undefined) return found;
    const program = get('credential_process');
    if (program !== undefined) return runProgram(program);
    const missing = ['role_arn', 'sso_session', 'sso_start_url'].find(setting => get(setting) !== undefined);
    if (missing === undefined) return undefined;
    const message = `the AWS profile '${name}' has '${missing}', which this version of Firn does not know: give it credential_process = aws configure export-credentials --profile …`;
    throw new StoreError('cache/no-credentials', message);
  }

  /** The container's where the environment names it, else the machine's. */
  async #fromService(): Promise<Lease | undefined> {
    const relative = this.#variable('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI');
    const container =
      relative === undefined ? this.#variable('AWS_CONTAINER_CREDENTIALS_FULL_URI') : `http://169.254.170.2${relative}`;
    try {
      if (container !== undefined) {
        const token = this.#containerToken();
        return leaseFrom(await ask(container, { headers: token === undefined ? {} : { authorization: token } }));
      }
      return this.#variable('AWS_EC2_METADATA_DISABLED') === 'true' ? undefined : await this.#fromMachine();
    } catch (error) {
      this.#options.reporter.log('debug', `no AWS credentials from a service: ${messageOf(error)}`);
      return undefined;
    }
  }

  #containerToken(): string | undefined {
    const file = this.#variable('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE');
    return file === undefined ? this.#variable('AWS_CONTAINER_AUTHORIZATION_TOKEN') : readFileSync(file, 'utf8').trim();
  }

  /** Version 2 of the instance metadata service. */
  async #fromMachine(): Promise<Lease | undefined> {
    const service = this.#variable('AWS_EC2_METADATA_SERVICE_ENDPOINT') ?? 'http://169.254.169.254';
    const latest = `${service.replace(/\/$/, '')}/latest`;
    const token = await ask(`${latest}/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' },
    });
    const headers = { 'x-aws-ec2-metadata-token': token };
    const roles = `${latest}/meta-data/iam/security-credentials/`;
    const [role = ''] = (await ask(roles, { headers })).split('\n');
    return leaseFrom(await ask(roles + role, { headers }));
  }
}

interface Parts {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
}

function forEver({ accessKeyId, secretAccessKey, sessionToken }: Parts): Lease | undefined {
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { credentials: { accessKeyId, secretAccessKey, sessionToken }, expires: Infinity };
}

function readProfile(file: string, name: string): AwsProfile | undefined {
  try {
    const bytes = readFileSync(file);
    return bytes.byteLength > maxSize ? undefined : parseAwsConfig(bytes.toString('utf8')).get(name);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** As a shell would: that is how people write it. */
async function runProgram(command: string): Promise<Lease> {
  try {
    const options = { timeout: programTimeout, maxBuffer: maxSize };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], options);
    const lease = leaseFrom(stdout);
    if (lease !== undefined) return lease;
    throw new Error('its output has no AccessKeyId and SecretAccessKey');
  } catch (error) {
    const message = `the AWS credential_process '${command}' gave no credentials: ${messageOf(error)}`;
    throw new StoreError('cache/no-credentials', message, { cause: error });
  }
}

/** These services are on the machine itself: no proxy, and no waiting for what is not there. */
async function ask(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(serviceTimeout) });
  if (!response.ok) throw new Error(`${url}: HTTP error ${response.status}`);
  const text = await response.text();
  if (text.length > maxSize) throw new Error(`${url}: the answer is too long`);
  return text;
}

/** From the JSON that all who make credentials for a time speak. */
function leaseFrom(text: string): Lease | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const get = (name: string) => {
    const member: unknown = Reflect.get(value, name);
    return typeof member === 'string' ? member : undefined;
  };
  const lease = forEver({
    accessKeyId: get('AccessKeyId'),
    secretAccessKey: get('SecretAccessKey'),
    sessionToken: get('Token') ?? get('SessionToken'),
  });
  const expires = Date.parse(get('Expiration') ?? '');
  return lease === undefined ? undefined : { ...lease, expires: Number.isNaN(expires) ? Infinity : expires };
}
