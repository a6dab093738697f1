import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import {
  type ByteString,
  byteStringFromText,
  byteStringFromLatin1,
  byteStringOf,
  bytesOf,
  displayBytes,
} from '../../base/index.ts';
import { type Source, SourceParser, SyntaxCore, globalNames, globalNamesByFeature } from '../../syntax/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { largestSource } from '../evaluation/read-arguments.ts';
import { absolutePath, fsPathOf } from '../paths.ts';
import { readStandardInput } from '../read-input.ts';
import { bold, magenta, normal } from '../render/ansi.ts';
import { locateWarning } from '../render/format-warning.ts';

const mostLinks = 1024;

/** What `nix-instantiate --parse` prints: the trees of standard input, texts or files. */
export function parseOnly(
  context: CommandContext,
  { operands, isText, readsInput }: { operands: readonly ByteString[]; isText: boolean; readsInput: boolean },
): void {
  const core = new SyntaxCore();
  const parser = makeParser(core, context);
  const print = (source: Source) => {
    context.out.write(core.print(parser.parse(source).tree));
    context.out.write(Buffer.from('\n'));
  };
  if (readsInput) print(standardInput());
  for (const operand of operands) print(isText ? textSource(operand) : fileSource(operand));
}

function makeParser(core: SyntaxCore, { settings, log, environment }: CommandContext): SourceParser {
  const names = globalNamesByFeature
    .filter(({ features }) => features.some(feature => settings.isEnabled(feature)))
    .map(({ name }) => name);
  return new SourceParser(core, [...globalNames, ...names], {
    homePath: () => (settings.get('pure-eval') ? undefined : byteStringFromText(environment.home)),
    allowsPipes: settings.isEnabled('pipe-operators'),
    diagnose: {
      'lint-url-literals': settings.get('lint-url-literals'),
      'lint-absolute-path-literals': settings.get('lint-absolute-path-literals'),
      'lint-short-path-literals': settings.get('lint-short-path-literals'),
    },
    warn: (message, position) => log.warn(locateWarning(message, position)),
    mark: text => `${magenta}${text}${normal}`,
    emphasise: text => `${bold}${text}${normal}`,
  });
}

function standardInput(): Source {
  return { text: readStandardInput(largestSource), file: '«stdin»', basePath: workingFolder() };
}

function fileSource(operand: ByteString): Source {
  const path = resolveExpressionPath(absolutePath(operand));
  const name = byteStringFromLatin1(path.slice(0, path.lastIndexOf('/')) || '/');
  return { text: readFileSync(fsPathOf(path)), file: displayBytes(path), basePath: name };
}

/** Links are followed, so that relative paths in the file mean what they mean where it lies; folders have `default.nix`. */
function resolveExpressionPath(operand: ByteString): ByteString {
  let path = operand;
  for (let followed = 0; ; followed++) {
    if (followed === mostLinks) throw linkLoop(operand);
    const stat = lstatSync(fsPathOf(path), { throwIfNoEntry: false });
    if (stat === undefined) throw new CliError('input/failed', `path '${displayBytes(path)}' does not exist`);
    if (!stat.isSymbolicLink()) break;
    const target = byteStringOf(readlinkSync(fsPathOf(path), 'buffer'));
    const folder = path.slice(0, path.lastIndexOf('/'));
    path = absolutePath(target.startsWith('/') ? target : byteStringFromLatin1(`${folder}/${target}`));
  }
  const isFolder = statSync(fsPathOf(path)).isDirectory();
  return isFolder ? resolveExpressionPath(byteStringFromLatin1(`${path}/default.nix`)) : path;
}

function linkLoop(path: ByteString): CliError {
  const message = `too many symbolic links encountered while traversing the path '${displayBytes(path)}'`;
  return new CliError('input/failed', message);
}

function textSource(text: ByteString): Source {
  return { text: bytesOf(text), file: '«string»', basePath: workingFolder() };
}

function workingFolder(): ByteString {
  return absolutePath(byteStringFromLatin1('.'));
}
