import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Reporter, byteStringFromText } from '../../base/index.ts';
import { decodeBase64 } from '../../nix-compat/index.ts';
import { ProgramChannel } from '../remote/program-channel.ts';
import type { SshAuthority } from './ssh-authority.ts';
import { splitShellWords } from './split-shell-words.ts';

export interface SshOptions {
  readonly authority: SshAuthority;
  /** The file of the private key; empty for whatever ssh finds. */
  readonly keyFile: string;
  /** The host's key, as `ssh-keyscan` prints it, once more in base64; empty for whatever ssh knows. */
  readonly hostKey: string;
  readonly compress: boolean;
  /** Whether several connections go through one of ssh's. */
  readonly shares: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly reporter: Reporter;
  /** See `ProgramOptions`. */
  readonly errors?: ((chunk: Uint8Array) => void) | undefined;
}

/** What ssh's local command prints when the connection is there, before what the other side says. */
export const startedLine = 'started\n';

/**
 * Starts programs on another machine, through ssh; on `localhost`, with neither user nor port, it starts them itself. Files
 * that ssh reads are in a folder that goes with this object.
 */
export class SshCommand implements Disposable {
  readonly #options: SshOptions;
  /** Whether there is no ssh in between. */
  readonly isDirect: boolean;
  #folder: string | undefined;

  constructor(options: SshOptions) {
    this.#options = options;
    const { user, host, port } = options.authority;
    this.isDirect = user === undefined && host === 'localhost' && port === undefined;
  }

  get host(): string {
    return this.#options.authority.host;
  }

  /** Throws `remote/unreachable`, `store-uri/malformed` for NIX_SSHOPTS, and `base64/…` for the host's key. */
  start(program: readonly [string, ...string[]]): Promise<ProgramChannel> {
    const { environment, errors } = this.#options;
    // The shell that ssh runs its local command with.
    const variables = { ...environment, SHELL: '/bin/sh' };
    return ProgramChannel.start(this.commandLine(program), { environment: variables, errors });
  }

  /** What is run. */
  commandLine(program: readonly [string, ...string[]]): [string, ...string[]] {
    if (this.isDirect) return [...program];
    const { authority, keyFile, hostKey, compress, shares, environment, reporter } = this.#options;
    const { user, host, port } = authority;
    const options = splitShellWords(environment['NIX_SSHOPTS'] ?? '');
    if (keyFile !== '') options.push('-i', keyFile);
    if (hostKey !== '') options.push(`-oUserKnownHostsFile=${this.#writeHostKey(host, hostKey)}`);
    if (compress) options.push('-C');
    if (port !== undefined) options.push(`-p${port}`);
    options.push('-oPermitLocalCommand=yes', `-oLocalCommand=echo ${startedLine.trimEnd()}`);
    if (shares) options.push('-oControlMaster=auto', `-oControlPath=${join(this.#makeFolder(), 'ssh.sock')}`);
    if (reporter.shows('chatty')) options.push('-v');
    return ['ssh', `${user === undefined ? '' : `${user}@`}${host}`, '-x', ...options, '--', ...program];
  }

  #writeHostKey(host: string, encoded: string): string {
    const file = join(this.#makeFolder(), 'host-key');
    const key = Buffer.from(decodeBase64(byteStringFromText(encoded))).toString();
    writeFileSync(file, `${host} ${key}\n`);
    return file;
  }

  #makeFolder(): string {
    return (this.#folder ??= mkdtempSync(join(tmpdir(), 'firn-ssh-')));
  }

  [Symbol.dispose](): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
