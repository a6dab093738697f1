import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { byteStringFromText } from '../base/index.ts';
import {
  type Digest,
  type DigestFunction,
  DiskBlobStore,
  type DirectoryEntry,
  type ForeignDigest,
  encodeDirectory,
  exportForeignDirectory,
  foreignDigestOf,
  putBlob,
  verifyBlobs,
} from '../castore/index.ts';
import type { Executor } from '../exec/index.ts';
import { type ActionResult, ActionSchema, CommandSchema } from '../proto/index.ts';
import {
  type DigestMessage,
  type Executed,
  LocalActionExecutor,
  type LocalActionSettings,
  defaultActionSettings,
  digestOfMessage,
  messageOfDigest,
  planAction,
} from '../reapi/index.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { uploadForeign } from './upload-foreign.ts';

/** Contents by name: text is a file, `!` before it an executable one, `-> ` a symlink. */
export interface InputTree {
  readonly [name: string]: string | InputTree;
}

type CommandInit = MessageInitShape<typeof CommandSchema>;
type ActionInit = MessageInitShape<typeof ActionSchema>;

/** A store, and actions that are executed with it. */
export class ActionRig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly store: DiskBlobStore;
  readonly digestFunction: DigestFunction;
  readonly settings: LocalActionSettings;

  readonly #executor: Executor;
  readonly #isOwn: boolean;

  /** `executor` and `store` stay their owners'. */
  constructor(
    executor: Executor,
    digestFunction: DigestFunction = 'sha256',
    settings: Partial<LocalActionSettings> = {},
    store?: DiskBlobStore,
  ) {
    this.#executor = executor;
    chmodSync(this.#folder.path, 0o755);
    this.#isOwn = store === undefined;
    this.store = store ?? new DiskBlobStore(`${this.#folder.path}/data`);
    this.digestFunction = digestFunction;
    this.settings = { ...defaultActionSettings('here', 1), ...settings };
  }

  /** Adds bytes under the name that they have in the rig's function. */
  upload(bytes: Uint8Array): Promise<ForeignDigest> {
    const { store } = this;
    return uploadForeign({ store, aliases: store.blobAliases }, bytes, this.digestFunction);
  }

  async put(tree: InputTree): Promise<Digest> {
    const entries: DirectoryEntry[] = [];
    for (const name of Object.keys(tree).toSorted()) {
      const value = tree[name] ?? '';
      const nameBytes = byteStringFromText(name);
      if (typeof value !== 'string') {
        entries.push({ name: nameBytes, node: { kind: 'directory', digest: await this.put(value) } });
      } else if (value.startsWith('-> ')) {
        entries.push({ name: nameBytes, node: { kind: 'symlink', target: byteStringFromText(value.slice(3)) } });
      } else {
        const executable = value.startsWith('!');
        const digest = await putBlob(this.store, Buffer.from(executable ? value.slice(1) : value, 'latin1'));
        entries.push({ name: nameBytes, node: { kind: 'file', digest, executable } });
      }
    }
    return putBlob(this.store, encodeDirectory({ entries }));
  }

  async run(
    script: string,
    {
      tree = {},
      action = {},
      root,
      ...command
    }: CommandInit & { tree?: InputTree; action?: ActionInit; root?: ForeignDigest },
    options: { readonly signal?: AbortSignal; readonly output?: (chunk: Uint8Array, stream: string) => void } = {},
  ): Promise<Executed> {
    const { store, digestFunction } = this;
    const own =
      root ??
      (await exportForeignDirectory(await this.put(tree), digestFunction, {
        store,
        blobs: store.blobAliases,
        directories: store.directoryAliases,
      }));
    const plan = planAction(
      create(ActionSchema, { inputRootDigest: messageOfDigest(own), ...action }),
      create(CommandSchema, { arguments: ['/bin/sh', '-c', script], ...command }),
      digestFunction,
    );
    await using local = new LocalActionExecutor(store, this.#executor, this.settings);
    const key = { instance: '', action: foreignDigestOf(Buffer.from('action'), digestFunction) };
    const { signal = new AbortController().signal, output } = options;
    const job = { key, plan, queuedAt: Date.now() };
    return await local.execute(job, { signal, output, record: async () => undefined });
  }

  async ended(...args: Parameters<ActionRig['run']>): Promise<ActionResult> {
    const executed = await this.run(...args);
    assert.equal(executed.kind, 'ended', executed.kind === 'failed' ? executed.error.message : '');
    return executed.result;
  }

  async readBytes(digest: DigestMessage | undefined): Promise<Uint8Array> {
    const [own] = await this.store.blobAliases.find([digestOfMessage(digest, this.digestFunction, 'it')]);
    return (own && (await this.store.get(own))) ?? assert.fail('absent');
  }

  async read(digest: DigestMessage | undefined): Promise<string> {
    return digest === undefined ? '' : Buffer.from(await this.readBytes(digest)).toString();
  }

  async outputs(result: ActionResult): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const { path, digest, isExecutable } of result.outputFiles)
      files[path] = (isExecutable ? '!' : '') + (await this.read(digest));
    for (const { path, target } of result.outputSymlinks) files[path] = `-> ${target}`;
    return files;
  }

  async [Symbol.asyncDispose]() {
    // Nothing of an action is left, and none has changed a blob.
    const actions = `${this.store.folder.temporaryFolder()}/actions`;
    assert.deepEqual(existsSync(actions) ? readdirSync(actions) : [], []);
    assert.deepEqual(await Array.fromAsync(verifyBlobs(this.store)), []);
    if (this.#isOwn) await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
