import { createWriteStream, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { removeTree, walkTree } from '../../castore/index.ts';
import {
  type ContentAddress,
  type HashAlgorithm,
  NixCompatError,
  type NixHash,
  type StorePath,
  checkStorePathName,
  equalHashes,
  formatHash,
  formatJson,
  jsonObject,
  makeStorePathFromCA,
  parseHash,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, type TreeSource, addTree, describeTree, openDownload } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { addTrace } from '../render/trace.ts';
import { algorithmFlag } from './hash-flags.ts';
import { jsonFlags } from './json-flags.ts';

interface PrefetchOptions {
  name: string | undefined;
  algorithm: HashAlgorithm;
  expected: NixHash | undefined;
  /** Then the whole object is hashed, not its contents alone, since that tells it from one that is not. */
  executable: boolean;
}

/** `nix store prefetch-file` */
export function storePrefetchFile(context: CommandContext): Command {
  const options: PrefetchOptions = { name: undefined, algorithm: 'sha256', expected: undefined, executable: false };
  let url = byteStringFromText('');
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Downloads a file into the store.',
    flags: [
      {
        long: 'name',
        labels: ['name'],
        summary: 'What the store path is called, if not like the file.',
        apply: name => (options.name = displayBytes(name)),
      },
      {
        long: 'expected-hash',
        labels: ['hash'],
        summary: 'The hash that the file has to have.',
        apply: text => (options.expected = parseHash(displayBytes(text), options.algorithm)),
      },
      algorithmFlag('hash-type', context, algorithm => (options.algorithm = algorithm)),
      {
        long: 'executable',
        labels: [],
        summary: 'Make the file executable.',
        apply: () => (options.executable = true),
      },
      {
        long: 'unpack',
        labels: [],
        summary: 'Not there yet.',
        apply: () => {
          throw new CliError('command/absent', "'--unpack' is not part of this version of Firn yet");
        },
      },
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: [{ label: 'url', arity: 1, apply: given => (url = given) }],
    run: async () => {
      await using store = await openCommandStore(context);
      const { path, hash } = await prefetch(store, displayBytes(url), { ...options, context });
      const [storePath, sri] = [printStorePath(store.storeDir, path), formatHash(hash, 'sri')];
      if (json) {
        const result = jsonObject({ storePath, hash: byteStringFromText(sri) });
        context.out.byteLine(brandAs<ByteString>(formatJson(result, pretty ? 2 : undefined)));
        return;
      }
      const message = `Downloaded '${displayBytes(url)}' to '${displayBytes(storePath)}' (hash '${sri}').`;
      context.log.log('notice', message);
    },
  };
}

async function prefetch(
  store: Store,
  url: string,
  options: PrefetchOptions & { readonly context: CommandContext },
): Promise<{ readonly path: StorePath; readonly hash: NixHash }> {
  const { executable, expected, context } = options;
  const name = options.name ?? nameFrom(url);
  checkName(name, options.name === undefined ? url : undefined);
  const method = executable ? 'nar' : 'flat';
  if (expected !== undefined) {
    const address: ContentAddress = { method, hash: expected };
    const path = makeStorePathFromCA(store.storeDir, name, address);
    if ((await store.validPaths([path])).has(path)) return { path, hash: expected };
  }
  const { signal, settings, log: reporter, environment } = context;
  const folder = mkdtempSync(join(environment.temporaryDir, 'firn-prefetch-'));
  try {
    const file = join(folder, 'file');
    const body = await openDownload(parse(url), { settings, reporter, signal });
    await pipeline(body, createWriteStream(file, { flags: 'wx', mode: executable ? 0o700 : 0o600 }), { signal });
    const source: TreeSource = async (sink, drain) => {
      for (const _ of walkTree(file, sink)) await drain();
    };
    const algorithm = expected?.algorithm ?? options.algorithm;
    const { path, contentAddress, narHash } = await describeTree(store.storeDir, source, { name, method, algorithm });
    const hash = contentAddress?.hash ?? narHash;
    if (expected !== undefined && !equalHashes(hash, expected)) {
      throw new CliError('download/wrong-hash', `hash mismatch for '${url}'`);
    }
    await addTree(store, source, { name, method, algorithm, signal });
    return { path, hash };
  } finally {
    removeTree(folder);
  }
}

function checkName(name: string, url: string | undefined): void {
  try {
    checkStorePathName(name);
  } catch (error) {
    if (url !== undefined && error instanceof NixCompatError) {
      addTrace(error, `file name '${name}' was extracted from URL '${url}'`);
    }
    throw error;
  }
}

function parse(url: string): URL {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url)) {
    throw new CliError('download/bad-url', `URL '${url}' doesn't have a scheme`);
  }
  try {
    return new URL(url);
  } catch (cause) {
    throw new CliError('download/bad-url', `'${url}' is not a valid URL`, { cause });
  }
}

/** The last part of the path. */
function nameFrom(url: string): string {
  const name = parse(url)
    .pathname.split('/')
    .findLast(part => part !== '');
  if (name === undefined) throw new CliError('download/no-name', `cannot figure out file name for '${url}'`);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
