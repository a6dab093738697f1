import { type ByteString, displayBytes, unreachable } from '../../base/index.ts';
import {
  type HashAlgorithm,
  type HashFormat,
  Hasher,
  type NixHash,
  compressHash,
  formatHash,
} from '../../nix-compat/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { readChunksAhead, withOpenFile } from '../read-input.ts';
import { withCanonicalParent } from '../source-tree.ts';
import { algorithmFlag, encodingFlags, formatFlag } from './hash-flags.ts';
import { hashGitTree, writeNarOfPath } from './nar-of-path.ts';

/** What of a path is hashed: the bytes of a file, the NAR of a tree, or git's object of it. */
export type IngestionMethod = 'flat' | 'nar' | 'git';

export interface HashPathOptions {
  method: IngestionMethod;
  algorithm: HashAlgorithm;
  format: HashFormat;
  /** Whether to fold longer hashes to 160 bits. */
  truncate: boolean;
  paths: readonly ByteString[];
}

/** `nix hash path` */
export function hashPath(context: CommandContext): Command {
  const options = defaults('nar');
  const flags = [
    algorithmFlag('algo', context, algorithm => (options.algorithm = algorithm)),
    formatFlag('format', context, format => (options.format = format)),
    methodFlag(method => (options.method = method)),
  ];
  return hashCommand('Hashes the NAR of a file tree, or what --mode says.', options, context, flags);
}

/** `nix hash file` */
export function hashFile(context: CommandContext): Command {
  return hashCommand('Hashes the contents of a file.', defaults('flat'), context, []);
}

function defaults(method: IngestionMethod): HashPathOptions {
  return { method, algorithm: 'sha256', format: 'sri', truncate: false, paths: [] };
}

function hashCommand(summary: string, options: HashPathOptions, context: CommandContext, more: Flag[]): Command {
  const positionals: Positional[] = [
    { label: 'paths', arity: 'any', complete: completePath, apply: (...paths) => (options.paths = paths) },
  ];
  const flags = [
    ...encodingFlags('', format => (options.format = format)),
    algorithmFlag('type', context, algorithm => (options.algorithm = algorithm)),
    ...more,
  ];
  return { summary, flags, positionals, run: () => printHashes(options, context) };
}

function methodFlag(use: (method: IngestionMethod) => void): Flag {
  const methods: readonly IngestionMethod[] = ['flat', 'nar', 'git'];
  return {
    long: 'mode',
    labels: ['file-ingestion-method'],
    summary: 'nar, flat (the contents of a file) or git.',
    apply: text => {
      const method = methods.find(known => known === text);
      if (method === undefined) {
        const message = `Unknown file ingestion method '${displayBytes(text)}', expect \`flat\`, \`nar\`, or \`git\``;
        throw new CliError('usage/bad-value', message);
      }
      use(method);
    },
  };
}

/** Prints the hash of each path on a line. */
export async function printHashes(options: HashPathOptions, context: CommandContext): Promise<void> {
  const { format, truncate } = options;
  for (const path of options.paths) {
    const hash = await hashOf(path, options, context);
    const folded = truncate && hash.digest.byteLength > 20 ? compressHash(hash, 20) : hash;
    context.out.line(formatHash(folded, format));
  }
}

async function hashOf(
  path: ByteString,
  { algorithm, method }: HashPathOptions,
  { settings }: CommandContext,
): Promise<NixHash> {
  switch (method) {
    case 'flat': {
      const hasher = new Hasher(algorithm);
      // Also of FIFOs and what a symlink leads to.
      await withOpenFile('opening file', path, async fd => {
        for await (const chunk of readChunksAhead(fd)) hasher.update(chunk);
      });
      return hasher.finish();
    }
    case 'nar': {
      const hasher = new Hasher(algorithm);
      writeNarOfPath(withCanonicalParent(path), settings, chunk => hasher.update(chunk));
      return hasher.finish();
    }
    case 'git':
      settings.require('git-hashing');
      return hashGitTree(withCanonicalParent(path), algorithm);
    default:
      return unreachable(method);
  }
}
