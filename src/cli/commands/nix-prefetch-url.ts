import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { forceList, forcePlainString, forceSet, listElements, select } from '../../eval/index.ts';
import { type HashAlgorithm, formatHash, parseHash, printStorePath } from '../../nix-compat/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { type EvaluationArguments, evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { delaySource } from '../evaluation/source-expression.ts';
import { openCommandStore } from '../open-store.ts';
import { prefetchFile } from '../prefetch-file.ts';
import { takeAlgorithm } from './hash-flags.ts';

/** What is to be downloaded. */
interface Wanted {
  readonly url: string;
  readonly name: string | undefined;
  readonly unpack: boolean;
}

/** `nix-prefetch-url` */
export function nixPrefetchUrl(context: CommandContext): LegacyCommand {
  const from = noArguments();
  const operands: ByteString[] = [];
  let algorithm: HashAlgorithm = 'sha256';
  let printsPath = context.environment.variables['PRINT_PATH'] === '1';
  let attributePath: ByteString | undefined;
  let unpack = false;
  let executable = false;
  let name: string | undefined;
  return {
    summary: 'Downloads a file into the store and prints its hash.',
    flags: [
      {
        long: 'type',
        labels: ['hash-algo'],
        summary: 'Print the hash of this algorithm; sha256 unless given.',
        apply: text => (algorithm = takeAlgorithm(text, context)),
      },
      flag('print-path', 'Print the store path, too.', () => (printsPath = true)),
      flag('unpack', 'Take the archive that the file is for a tree.', () => (unpack = true)),
      flag('executable', 'Make the file executable.', () => (executable = true)),
      {
        long: 'name',
        labels: ['name'],
        summary: 'What the store path is called, if not like the file.',
        apply: text => (name = displayBytes(text)),
      },
      {
        long: 'attr',
        short: 'A',
        labels: ['path'],
        summary: 'Download what this attribute of an expression downloads.',
        apply: path => (attributePath = path),
      },
      ...evaluationFlags(from),
    ],
    argument: text => operands.push(text),
    run: async () => {
      const [first, hash, ...others] = operands;
      if (others.length > 0) throw new CliError('usage/unexpected-argument', 'too many arguments');
      const wanted: Wanted =
        attributePath === undefined
          ? { url: displayBytes(first ?? missingUrl()), name, unpack }
          : await readAttribute({ file: first, attributePath, name }, from, context);
      const expected = hash === undefined ? undefined : parseHash(displayBytes(hash), algorithm);
      await using store = await openCommandStore(context);
      const found = await prefetchFile(store, wanted.url, { ...wanted, algorithm, expected, executable, context });
      const path = displayBytes(printStorePath(store.storeDir, found.path));
      if (!printsPath) context.log.log('info', `path is '${path}'`);
      context.out.line(formatHash(found.hash, found.hash.algorithm === 'md5' ? 'base16' : 'nix32', { prefix: false }));
      if (printsPath) context.out.line(path);
    },
  };
}

/** Without values. */
function flag(long: string, summary: string, apply: () => void): Flag {
  return { long, labels: [], summary, apply };
}

function missingUrl(): never {
  throw new CliError('usage/missing-argument', 'you must specify a URL');
}

/** What a call of `fetchurl` would download. Throws what evaluating throws, `download/no-urls`. */
async function readAttribute(
  {
    file = byteStringFromText('.'),
    attributePath,
    name,
  }: { readonly file: ByteString | undefined; readonly attributePath: ByteString; readonly name: string | undefined },
  from: EvaluationArguments,
  context: CommandContext,
): Promise<Wanted> {
  await using evaluation = new Evaluation(context, from);
  const { evaluator, args } = evaluation;
  const { core } = evaluator;
  return evaluation.perform(() => {
    const root = delaySource(evaluation, { kind: 'file', text: file });
    const value = select(evaluator, attributePath, args, root);
    return evaluator.run(() => {
      const attrs = forceSet(evaluator, value, 'while evaluating the source attribute to prefetch');
      const find = (key: string) => core.lookup(attrs, core.internText(key));
      const urls = find('urls');
      if (urls === undefined) throw new CliError('download/no-urls', "attribute 'urls' missing");
      const list = forceList(evaluator, urls.word, 'while evaluating the urls to prefetch');
      const [url] = listElements(core.memory, list);
      if (url === undefined) throw new CliError('download/no-urls', "'urls' list is empty");
      const doing = 'while evaluating the first url from the urls list';
      const mode = find('outputHashMode');
      if (mode === undefined) context.log.log('info', 'warning: this does not look like a fetchurl call');
      const modeText = 'while evaluating the outputHashMode of the source to prefetch';
      return {
        url: displayBytes(forcePlainString(evaluator, url, doing)),
        name,
        unpack: mode !== undefined && forcePlainString(evaluator, mode.word, modeText) === 'recursive',
      };
    });
  });
}
