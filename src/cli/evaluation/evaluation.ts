import { type ByteString, byteStringFromText, unreachable } from '../../base/index.ts';
import {
  FileSystemIO,
  type WantedObject,
  addWantedObjects,
  answerNeeds,
  evaluateInPasses,
} from '../../engine/index.ts';
import {
  type AutoArguments,
  type DebugPrompt,
  type DebuggerOptions,
  type EvalMessage,
  type EvalNeed,
  Evaluator,
  type NeedAnswer,
  type Word,
} from '../../eval/index.ts';
import { defaultStoreDir, experimentalFeatures, parseStoreDir } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { absolutePath } from '../paths.ts';
import { formatWarning, locateWarning } from '../render/format-warning.ts';
import type { EvaluationArguments } from './evaluation-arguments.ts';
import { realiseForEvaluation } from './realise-for-evaluation.ts';

export interface EvaluationOptions {
  /** Whether what the evaluation wants in the store is written there. */
  readonly writes?: boolean;
}

/**
 * An evaluation of a command line, and the store that it meets when it has to.
 *
 *     await using evaluation = new Evaluation(context, from);
 *     const value = await evaluation.perform(() => evaluation.evaluator.evaluate(tree));
 *     await evaluation.commit();
 */
export class Evaluation implements AsyncDisposable {
  readonly evaluator: Evaluator;
  /** What `--arg` and `--argstr` pass to functions. */
  readonly args: AutoArguments;
  readonly #context: CommandContext;
  readonly #writes: boolean;
  /** In the order that the evaluation came to want it. */
  readonly #wanted: WantedObject[] = [];
  #store: Promise<Store> | undefined;

  constructor(context: CommandContext, from: EvaluationArguments, { writes = true }: EvaluationOptions = {}) {
    this.#context = context;
    this.#writes = writes;
    this.evaluator = this.#start(from);
    this.args = readArguments(this.evaluator, from);
  }

  /** Does what evaluates, which may need the store to go on: `work` is begun anew then, and must not mind. */
  perform<T>(work: () => T): Promise<T> {
    return evaluateInPasses(this.evaluator, work, needs => this.answer(needs));
  }

  /** Sees to what the evaluation needs; all that it wants in the store is there then. */
  async answer(needs: readonly EvalNeed[]): Promise<Iterable<readonly [EvalNeed, NeedAnswer]>> {
    await this.commit();
    const store = await this.store();
    const wantsClosures = this.evaluator.access !== undefined;
    const ways = realiseForEvaluation(store, this.#context, { writes: this.#writes });
    return answerNeeds(store, needs, { ...ways, wantsClosures, signal: this.#context.signal });
  }

  /** Adds to the store what the evaluation wants to be there, unless nothing is written. */
  async commit(): Promise<void> {
    const wanted = this.#wanted.splice(0);
    if (wanted.length === 0 || !this.#writes) return;
    await addWantedObjects(await this.store(), wanted, this.#context.signal);
  }

  /** The store, opened when it is first asked for. */
  store(): Promise<Store> {
    return (this.#store ??= openCommandStore(this.#context));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const store = await this.#store;
    await store?.[Symbol.asyncDispose]();
  }

  /** As the settings and flags say. */
  #start(from: EvaluationArguments): Evaluator {
    const { environment, settings } = this.#context;
    const storeDir = environment.storeDir === defaultStoreDir ? defaultStoreDir : parseStoreDir(environment.storeDir);
    const io = new FileSystemIO({
      storeDir,
      want: object => this.#wanted.push(object),
      environment: name => (settings.get('pure-eval') || settings.get('restrict-eval') ? undefined : process.env[name]),
      say: message => say(this.#context, message),
      workingFolder: absolutePath(byteStringFromText('.')),
      showsWanted: this.#writes,
    });
    const isPure = settings.get('pure-eval') && from.isImpure !== true;
    const system = settings.get('eval-system') || settings.get('system');
    const evaluator = new Evaluator({
      io,
      ...(isPure ? {} : { system, homePath: environment.home }),
      searchPath: searchPathOf(this.#context, from),
      maxCallDepth: settings.get('max-call-depth'),
      showTrace: settings.get('show-trace'),
      features: new Set(experimentalFeatures.filter(feature => settings.isEnabled(feature))),
      purity: isPure ? 'pure' : settings.get('restrict-eval') ? 'restricted' : undefined,
      allowedUris: settings.get('allowed-uris'),
      importFromDerivation: importFromDerivation(this.#context),
      abortsOnWarning: settings.get('abort-on-warn') || /^(?:1|yes|true)$/.test(process.env['NIX_ABORT_ON_WARN'] ?? ''),
      tracesVerbosely: settings.get('trace-verbose'),
      lints: {
        'lint-url-literals': settings.get('lint-url-literals'),
        'lint-absolute-path-literals': settings.get('lint-absolute-path-literals'),
        'lint-short-path-literals': settings.get('lint-short-path-literals'),
      },
      debugger: debuggerOptions(
        this.#context,
        from.debugPrompt?.(() => evaluator),
      ),
    });
    return evaluator;
  }
}

function importFromDerivation({ settings }: CommandContext) {
  if (!settings.get('allow-import-from-derivation')) return 'refused';
  return settings.get('trace-import-from-derivation') ? 'traced' : 'allowed';
}

function say({ log }: CommandContext, message: EvalMessage): void {
  switch (message.kind) {
    case 'trace':
      log.log('error', `trace: ${message.text}`);
      return;
    case 'program-warning':
      log.log('warn', formatWarning(message.text));
      return;
    case 'warning':
      log.warn(locateWarning(message.text, message.position));
      return;
    default:
      unreachable(message);
  }
}

function debuggerOptions({ settings }: CommandContext, prompt: DebugPrompt | undefined): DebuggerOptions | undefined {
  if (prompt === undefined) return undefined;
  return {
    prompt,
    ignoresTry: settings.get('ignore-try'),
    stopsAtTraces: settings.get('debugger-on-trace'),
    stopsAtWarnings: settings.get('debugger-on-warn'),
  };
}

function searchPathOf({ settings }: CommandContext, { searchPath }: EvaluationArguments) {
  return [...searchPath, ...settings.get('nix-path')].map(entry => {
    const at = entry.indexOf('=');
    return at < 0 ? { prefix: '', path: entry } : { prefix: entry.slice(0, at), path: entry.slice(at + 1) };
  });
}

function readArguments(evaluator: Evaluator, { args }: EvaluationArguments): AutoArguments {
  const folder = absolutePath(byteStringFromText('.'));
  const words = new Map<ByteString, Word>();
  for (const [name, { kind, text }] of args) {
    if (kind === 'text') words.set(name, evaluator.core.string(text));
    else {
      const tree = evaluator.parse(
        Buffer.from(text, 'latin1'),
        { kind: 'text', name: '«command line argument»' },
        folder,
      );
      words.set(name, evaluator.delay(tree));
    }
  }
  return words;
}
