import { type ByteString, byteStringFromText, displayBytes, unreachable } from '../base/index.ts';
import { FileSystemIO, type WantedObject } from '../engine/index.ts';
import {
  type AutoArguments,
  type DebugPrompt,
  type DebuggerOptions,
  type EvalMessage,
  Evaluator,
  type Word,
} from '../eval/index.ts';
import { type Derivation, defaultStoreDir, experimentalFeatures, parseStoreDir } from '../nix-compat/index.ts';
import type { CommandContext } from './command.ts';
import type { Flag } from './args/flag.ts';
import { absolutePath } from './paths.ts';
import { formatWarning, locateWarning } from './render/format-warning.ts';

/** What the flags of evaluation said: `-I`, `--arg`, `--argstr`. */
export interface EvaluationArguments {
  /** Who debugs, if somebody does; asked once there is an evaluator. */
  debugPrompt?: (evaluator: () => Evaluator) => DebugPrompt;
  isImpure?: boolean;
  readonly searchPath: string[];
  readonly args: Map<ByteString, { readonly kind: 'expression' | 'text'; readonly text: ByteString }>;
}

/** Flags of every command that evaluates; what they say goes to `into`. */
export function evaluationFlags(into: EvaluationArguments): Flag[] {
  return [
    {
      long: 'arg',
      labels: ['name', 'expr'],
      summary: 'Pass the value of an expression as an argument to functions.',
      apply: (name, text) => into.args.set(name, { kind: 'expression', text }),
    },
    {
      long: 'argstr',
      labels: ['name', 'string'],
      summary: 'Pass a string as an argument to functions.',
      apply: (name, text) => into.args.set(name, { kind: 'text', text }),
    },
    {
      long: 'impure',
      labels: [],
      summary: 'Let expressions see the environment and all files.',
      apply: () => (into.isImpure = true),
    },
    {
      long: 'include',
      short: 'I',
      labels: ['path'],
      summary: 'Look for files on the search path here first.',
      apply: entry => into.searchPath.push(displayBytes(entry)),
    },
  ];
}

/** An evaluator with what it wants to be in the store, in the order that it came to want it. */
export interface Evaluation {
  readonly evaluator: Evaluator;
  readonly wanted: WantedObject[];
  readonly args: AutoArguments;
}

/** Starts an evaluation as the settings and flags say; `writes` is whether what it wants in the store will be written. */
export function startEvaluation(
  context: CommandContext,
  from: EvaluationArguments,
  { writes = true }: { readonly writes?: boolean } = {},
): Evaluation {
  const { environment, settings } = context;
  const wanted: WantedObject[] = [];
  const storeDir = environment.storeDir === defaultStoreDir ? defaultStoreDir : parseStoreDir(environment.storeDir);
  const io = new FileSystemIO({
    storeDir,
    want: object => wanted.push(object),
    readDerivation: (): Derivation | undefined => undefined,
    environment: name => (settings.get('pure-eval') || settings.get('restrict-eval') ? undefined : process.env[name]),
    say: message => say(context, message),
    workingFolder: absolutePath(byteStringFromText('.')),
    showsWanted: writes,
  });
  const isPure = settings.get('pure-eval') && from.isImpure !== true;
  const system = settings.get('eval-system') || settings.get('system');
  const evaluator = new Evaluator({
    io,
    ...(isPure ? {} : { system, homePath: environment.home }),
    searchPath: searchPathOf(context, from),
    maxCallDepth: settings.get('max-call-depth'),
    showTrace: settings.get('show-trace'),
    features: new Set(experimentalFeatures.filter(feature => settings.isEnabled(feature))),
    purity: isPure ? 'pure' : settings.get('restrict-eval') ? 'restricted' : undefined,
    allowedUris: settings.get('allowed-uris'),
    abortsOnWarning: settings.get('abort-on-warn') || /^(?:1|yes|true)$/.test(process.env['NIX_ABORT_ON_WARN'] ?? ''),
    tracesVerbosely: settings.get('trace-verbose'),
    lints: {
      'lint-url-literals': settings.get('lint-url-literals'),
      'lint-absolute-path-literals': settings.get('lint-absolute-path-literals'),
      'lint-short-path-literals': settings.get('lint-short-path-literals'),
    },
    debugger: debuggerOptions(
      context,
      from.debugPrompt?.(() => evaluator),
    ),
  });
  return { evaluator, wanted, args: readArguments(evaluator, from) };
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
