import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { CountingRelay, temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli, startCli } from '../e2e/run-cli.ts';
import { ServedFirn } from './served-firn.ts';

const root = join(import.meta.dirname, '../..');
const integration = join(root, 'integrations/bazel');

/** Which of the forms that `write-toolchain` knows. */
export type ToolchainKind = 'closure' | 'bare' | 'root-file-system';

/** A package of Bazel that `write-toolchain` wrote. */
export interface WrittenToolchain {
  /** For Bazel. */
  readonly flags: readonly string[];
  /** Where the tools are, as actions see them. */
  readonly bin: string;
  /** Of the platform. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Store paths that the properties of a toolchain name. */
export function pathsOf({ properties }: WrittenToolchain): string[] {
  const words = Object.values(properties).flatMap(value => value.split(' '));
  return words.map(word => word.replace(/#.*/, ''));
}

/** Builds toolchains, from packages that it fetches, in a store of its own, and signs them. */
export class ToolchainBuilder implements Disposable {
  readonly #folder = temporaryFolder();
  /** A file. */
  readonly #key = join(this.#folder.path, 'key');
  /** Of what it signs. */
  readonly publicKey: string;

  constructor() {
    const { stdout } = runCli('nix', ['key', 'generate-secret', '--key-name', 'toolchains']);
    writeFileSync(this.#key, stdout, { mode: 0o600 });
    this.publicKey = runCli('nix', ['key', 'convert-secret-to-public'], { input: stdout }).stdout.toString();
  }

  get #store(): string {
    return `local?root=${this.#folder.path}/store`;
  }

  /** A file with an expression that has Firn's library as `firn`, and what the toolchain is made of as the function `made`. */
  expression(name: string, text: string): string {
    const path = join(this.#folder.path, name);
    const lines = [
      'let',
      `  firn = import ${root}/nix { };`,
      `  made = import ${integration}/toolchain.nix;`,
      'in',
      text,
    ];
    writeFileSync(path, lines.join('\n'));
    return path;
  }

  /** What it prints. */
  firn(args: readonly string[]): Promise<string> {
    return this.#run('firn', args, root);
  }

  async #run(program: string, args: readonly string[], cwd: string): Promise<string> {
    const config = `build-users-group =\nsubstituters =\nsecret-key-files = ${this.#key}\n`;
    // Where packages are had from is the user's to say.
    const env = { HOME: homedir(), NIX_CONFIG: config };
    const { status, stdout, stderr } = await startCli(program, [...args, '--store', this.#store], { cwd, env });
    assert.equal(status, 0, stderr);
    return stdout.toString();
  }

  /** Writes the package `package` of a workspace. */
  async write(
    workspace: string,
    folder: string,
    from: { kind: ToolchainKind; file?: string },
  ): Promise<WrittenToolchain> {
    const { kind, file } = from;
    mkdirSync(workspace, { recursive: true });
    const flags = [...(kind === 'closure' ? [] : [`--${kind}`]), ...(file === undefined ? [] : ['--file', file])];
    const script = relative(binDir, join(integration, 'write-toolchain'));
    const lines = await this.#run(script, [...flags, folder], workspace);
    const text = readFileSync(join(workspace, folder, 'store.bzl'), 'utf8');
    const properties = Array.from(
      text.matchAll(/^ {4}"(nix-[a-z]+)": "(.*)",$/gm),
      ([, name = '', value = '']) => [name, value] as const,
    );
    const [, bin = ''] = /^BIN = "(.*)"$/m.exec(text) ?? [];
    return {
      flags: Array.from(lines.matchAll(/ (--\S+)/g), ([, flag = '']) => flag),
      bin,
      properties: Object.fromEntries<string>(properties),
    };
  }

  /** In bytes, of the NARs of paths and of all that they refer to. */
  async sizeOf(paths: readonly string[]): Promise<number> {
    const lines = (await this.firn(['path-info', '--recursive', '--size', ...paths])).trimEnd().split('\n');
    return lines.map(line => Number(/([0-9]+)$/.exec(line)?.[1])).reduce((sum, size) => sum + size, 0);
  }

  /** In base16, of a file in the store. */
  sha256(path: string): string {
    const bytes = readFileSync(join(this.#folder.path, 'store', path));
    return createHash('sha256').update(bytes).digest('hex');
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** A server that keeps store paths, and another that executes, and has what actions name from the first. Both ways are counted. */
export class ServerPair implements AsyncDisposable {
  /** Executes. */
  readonly server: ServedFirn;
  /** To the server that keeps. */
  readonly upload: CountingRelay;
  /** From there to the server that executes. */
  readonly download: CountingRelay;
  readonly #scheme: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    parts: Pick<ServerPair, 'server' | 'upload' | 'download'>,
    more: { readonly scheme: string; readonly owned: AsyncDisposableStack },
  ) {
    this.server = parts.server;
    this.upload = parts.upload;
    this.download = parts.download;
    this.#scheme = more.scheme;
    this.#owned = more.owned;
  }

  /** `scheme`: how store paths are kept there, in the cache of remote execution or the binary cache. */
  static async start(scheme: 'reapi' | 'http', { publicKey }: ToolchainBuilder): Promise<ServerPair> {
    await using owned = new AsyncDisposableStack();
    const cache = owned.use(
      await ServedFirn.start({
        isHere: true,
        anonymous: 'write',
        env: { NIX_CONFIG: `substituters =\ntrusted-public-keys = ${publicKey}\n` },
      }),
    );
    const target = scheme === 'http' ? cache.http : cache.grpc;
    const upload = owned.use(await CountingRelay.open(target));
    const download = owned.use(await CountingRelay.open(target));
    const env = { NIX_CONFIG: `substituters = ${scheme}://${download.address}?trusted=1\n` };
    const server = owned.use(await ServedFirn.start({ isHere: true, env }));
    return new ServerPair({ server, upload, download }, { scheme, owned: owned.move() });
  }

  /** Copies store paths of a builder, and what they refer to, to where the server has them from: bytes that this took. */
  async publish(builder: ToolchainBuilder, paths: readonly string[]): Promise<number> {
    // Packing well takes its time.
    const to = `${this.#scheme}://${this.upload.address}${this.#scheme === 'http' ? '?compression=zstd' : ''}`;
    const { sent } = await this.upload.count(() => builder.firn(['copy', '--to', to, ...paths]));
    return sent;
  }

  /** Whether the server that executes has the blob. */
  async hasBlob(sha256: string): Promise<boolean> {
    return (await fetch(`http://${this.server.http}/cas/${sha256}`, { method: 'HEAD' })).ok;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}
