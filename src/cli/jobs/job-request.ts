import { availableParallelism } from 'node:os';
import { type ByteString, displayBytes } from '../../base/index.ts';
import { type Flag, switchFlag } from '../args/flag.ts';
import { completePath } from '../args/complete-path.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';

/** Mebibytes of values that a thread may have unless somebody says otherwise: all that an evaluator can have. */
const defaultMemory = 4096;

/** What a command line asks for of `eval-jobs`; the options are those of nix-eval-jobs. */
export class JobRequest {
  readonly flags: readonly Flag[];
  /** What is evaluated: a file, with `isText` an expression, with `isFlake` a flake. */
  source: ByteString | undefined;
  isText = false;
  isFlake = false;
  threads = availableParallelism();
  /** Bytes of values that a thread may have before it is replaced. */
  maxMemory = defaultMemory * 1024 ** 2;
  rootsFolder: string | undefined;
  recursesAlways = false;
  wantsMeta = false;
  wantsInputs = false;
  wantsImports = false;
  wantsCacheStatus = false;
  wantsConstituents = false;
  writes = true;
  /** A function of the root, and one of each derivation. */
  select: ByteString | undefined;
  apply: ByteString | undefined;

  constructor() {
    this.flags = [
      switchFlag('expr', 'Take the argument for an expression.', () => (this.isText = true), { short: 'E' }),
      switchFlag('flake', 'Take the argument for a flake.', () => (this.isFlake = true)),
      {
        long: 'file',
        short: 'f',
        labels: ['file'],
        summary: 'Evaluate this file.',
        complete: completePath,
        apply: file => (this.source = file),
      },
      {
        long: 'workers',
        labels: ['number'],
        summary: 'Evaluate in so many threads; as many as there are processors unless given.',
        apply: text => (this.threads = positive('workers', text)),
      },
      {
        long: 'max-memory-size',
        labels: ['mebibytes'],
        summary: 'Replace a thread whose values take more; 4096 unless given.',
        apply: text => (this.maxMemory = positive('max-memory-size', text) * 1024 ** 2),
      },
      {
        long: 'gc-roots-dir',
        labels: ['path'],
        summary: 'Keep derivations by links in this folder.',
        complete: completePath,
        apply: path => (this.rootsFolder = displayBytes(absolutePath(path))),
      },
      switchFlag('force-recurse', 'Look at all sets, whatever recurseForDerivations says.', () => {
        this.recursesAlways = true;
      }),
      switchFlag('meta', 'Print what meta says.', () => (this.wantsMeta = true)),
      switchFlag('show-input-drvs', 'Print the derivations that are needed.', () => (this.wantsInputs = true)),
      switchFlag('show-imports', 'Print which outputs the evaluation itself needed.', () => (this.wantsImports = true)),
      switchFlag('check-cache-status', 'Print whether outputs are here or in caches.', () => {
        this.wantsCacheStatus = true;
      }),
      switchFlag('constituents', 'Print what aggregates are made of.', () => (this.wantsConstituents = true)),
      switchFlag('no-instantiate', 'Write no derivations.', () => (this.writes = false)),
      {
        long: 'select',
        labels: ['expr'],
        summary: 'Call this function with what is evaluated, before that is looked at.',
        apply: text => (this.select = text),
      },
      {
        long: 'apply',
        labels: ['expr'],
        summary: 'Call this function with each derivation, and print what it returns.',
        apply: text => (this.apply = text),
      },
    ];
  }

  /** All that lines follow from, as data, but for what is found out about each when it is printed. */
  get asData(): readonly unknown[] {
    const { source, isText, isFlake, recursesAlways, wantsMeta, wantsInputs, wantsConstituents, writes } = this;
    const { select, apply } = this;
    return [
      [source, isText, isFlake, select, apply],
      [recursesAlways, wantsMeta, wantsInputs, wantsConstituents, writes],
    ];
  }

  /** Throws `usage/missing-argument` where there is none. */
  requireSource(): ByteString {
    if (this.source === undefined) {
      throw new CliError(
        'usage/missing-argument',
        "'eval-jobs' needs a file, an expression (--expr) or a flake (--flake)",
      );
    }
    return this.source;
  }
}

function positive(flag: string, text: ByteString): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new CliError('usage/bad-value', `'--${flag}' takes a positive number, not '${displayBytes(text)}'`);
}
