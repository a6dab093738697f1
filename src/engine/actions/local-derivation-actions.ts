import { lchownSync } from 'node:fs';
import { displayBytes } from '../../base/index.ts';
import { type ForeignDigest, checkoutTree, walkNodes } from '../../castore/index.ts';
import type { Executor, Outcome } from '../../exec/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { ActionResult } from '../../proto/index.ts';
import {
  ActionCache,
  type ActionKey,
  LocalActionExecutor,
  defaultActionSettings,
  digestOfMessage,
  outputNode,
  readAction,
} from '../../reapi/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { BuilderProcess, DerivationActions } from '../build/derivation-actions.ts';
import { BuildError } from '../error.ts';
import { makeDerivationAction, outputName } from './make-derivation-action.ts';

/** In milliseconds; the longest that timers of Node know is 24 days. */
const longest = 20 * 24 * 3_600_000;

/** How many builders run at a time others decide. */
const slots = 1000;

/** Of holds on what actions are made of while they are executed. */
const holder = 'builds';

/** Builders as actions that this process executes. Their results are those of the store's action cache. */
export class LocalDerivationActions implements DerivationActions {
  readonly #store: LocalStore;
  readonly #cache: ActionCache;
  readonly #executor: LocalActionExecutor;

  /** `executor` stays its owner's. */
  constructor(store: LocalStore, executor: Executor) {
    this.#store = store;
    this.#cache = new ActionCache(store.blobs);
    const settings = defaultActionSettings('builder', slots);
    const limits = { defaultTimeout: longest, maxTimeout: longest, maxOutput: 2 ** 34 };
    this.#executor = new LocalActionExecutor(store.blobs, executor, { ...settings, ...limits });
  }

  async run(builder: BuilderProcess): Promise<Outcome> {
    const { signal } = builder;
    const { digest, hold } = await this.#addAction(builder);
    using _held = { [Symbol.dispose]: () => this.#store.blobs.holds.release(hold) };
    const key = { instance: '', action: digest };
    const known = await this.#cache.get(key, { signal });
    // What others say that it left need not be what it leaves, and would become store paths that we vouch for.
    const isKnown = known?.origin === 'executed';
    const result = isKnown ? known.result : await this.#execute(key, builder);
    if (result === undefined) return { kind: 'limit-reached', limit: 'time' };
    if (isKnown) await this.#replay(result, builder);
    await this.#place(result, builder);
    return { kind: 'exited', status: result.exitCode };
  }

  async #addAction(builder: BuilderProcess): Promise<{ readonly digest: ForeignDigest; readonly hold: number }> {
    const { blobs } = this.#store;
    await using batch = blobs.batch();
    const action = await makeDerivationAction(this.#store, builder, { batch });
    let hold = 0;
    const record = () => (hold = blobs.holds.add(holder, action.held));
    await blobs.commitAll([batch], { signal: builder.signal, record });
    return { digest: { function: 'sha256', ...action.digest }, hold };
  }

  /** Undefined where it took longer than it may. */
  async #execute(key: ActionKey, { signal, output }: BuilderProcess): Promise<ActionResult | undefined> {
    const plan = await readAction(this.#store.blobs, key.action, { signal });
    const record = async (result: ActionResult) => {
      if (result.exitCode === 0) await this.#cache.record(key, result, { origin: 'executed', signal });
      else await this.#cache.retain(result, 'sha256');
    };
    const executed = await this.#executor.execute({ key, plan, queuedAt: Date.now() }, { signal, output, record });
    if (executed.kind === 'ended') return executed.result;
    const { error } = executed;
    if (error.code === 'action/timed-out') return undefined;
    throw new BuildError('OutputRejected', error.message, { cause: error });
  }

  /** What a builder wrote when it ran. */
  async #replay(result: ActionResult, { output, signal }: BuilderProcess): Promise<void> {
    const { blobs } = this.#store;
    for (const message of [result.stdoutDigest, result.stderrDigest]) {
      if (message === undefined) continue;
      const [digest] = await blobs.blobAliases.find([named(message)]);
      for await (const chunk of (digest && (await blobs.open(digest, { signal }))) ?? []) output(chunk);
    }
  }

  /** Puts the outputs to where the builder would have: copies, since what becomes of them is not decided yet. */
  async #place(result: ActionResult, builder: BuilderProcess): Promise<void> {
    const { blobs, storeDir } = this.#store;
    const { signal, owner, folderInside } = builder;
    for (const [storePath, place] of builder.outputs) {
      const path = outputName(folderInside, displayBytes(printStorePath(storeDir, storePath)));
      const node = await outputNode(blobs, { result, digestFunction: 'sha256', path, signal });
      if (node === undefined) continue;
      await checkoutTree(blobs, node, place, { style: 'writable', files: blobs, signal });
      if (owner === undefined) continue;
      for await (const visit of walkNodes(blobs, node, place))
        if (visit.step === 'node') lchownSync(visit.path, owner.user, owner.group);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor[Symbol.asyncDispose]();
  }
}

function named(message: NonNullable<ActionResult['stdoutDigest']>): ForeignDigest {
  return digestOfMessage(message, 'sha256', 'the digest of a log');
}
