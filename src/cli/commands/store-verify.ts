import { type ByteString, type Reporter, displayBytes } from '../../base/index.ts';
import {
  type PathInfo,
  type PublicKey,
  type Signature,
  countValidSignatures,
  equalHashes,
  formatHash,
  formatSignature,
  isContentAddressed,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, hashContents, invalidPath, readTrustedKeys } from '../../store/index.ts';
import { parseInteger } from '../args/parse-integer.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitStatus } from '../exit-status.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore, openStoreAt } from '../open-store.ts';

interface VerifyOptions {
  readonly contents: boolean;
  readonly trust: boolean;
  /** Signatures by different keys that a path needs; none asked for if 0. */
  readonly signaturesNeeded: number;
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** Asked for signatures, too. */
  readonly substituters: readonly Store[];
}

/** What the exit status says of all paths. */
const statusBits = { corrupted: 1, untrusted: 2, failed: 4 } as const;

/** `nix store verify` */
export function nixStoreVerify(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  let contents = true;
  let trust = true;
  let signaturesNeeded = 0;
  const uris: ByteString[] = [];
  return {
    summary: 'Checks that store paths are what they should be, and whether they are trusted.',
    flags: [
      ...wanted.flags,
      { long: 'no-contents', labels: [], summary: 'Do not check the contents.', apply: () => (contents = false) },
      { long: 'no-trust', labels: [], summary: 'Do not check signatures.', apply: () => (trust = false) },
      {
        long: 'substituter',
        short: 's',
        labels: ['store-uri'],
        summary: 'Let the signatures of another store count, too.',
        apply: uri => uris.push(uri),
      },
      {
        long: 'sigs-needed',
        short: 'n',
        labels: ['n'],
        summary: 'Ask for signatures by so many keys.',
        apply: text => (signaturesNeeded = parseInteger(displayBytes(text))),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      await using others = new AsyncDisposableStack();
      const paths = await wanted.resolve(store);
      const substituters: Store[] = [];
      for (const uri of uris) substituters.push(others.use(await openStoreAt(displayBytes(uri), context)));
      const options = { contents, trust, signaturesNeeded, keys: readTrustedKeys(context.settings), substituters };
      const status = await verifyPaths(store, paths, { options, context });
      if (status !== 0) throw new ExitStatus(status);
    },
  };
}

async function verifyPaths(
  store: Store,
  paths: Awaited<ReturnType<StorePathArguments['resolve']>>,
  { options, context }: { readonly options: VerifyOptions; readonly context: CommandContext },
): Promise<number> {
  using all = context.log.startActivity({ type: 'verifyPaths' });
  let status = 0;
  let done = 0;
  let failed = 0;
  for (const { path, info } of paths) {
    all.progress(done, paths.length, 1, failed);
    try {
      if (info === undefined) throw invalidPath(store.storeDir, path);
      status |= await verifyPath(store, info, { options, context });
      done++;
    } catch (error) {
      context.signal.throwIfAborted();
      context.log.logError(error);
      failed++;
      status |= statusBits.failed;
    }
  }
  all.progress(done, paths.length, 0, failed);
  return status;
}

async function verifyPath(
  store: Store,
  info: PathInfo,
  { options, context }: { readonly options: VerifyOptions; readonly context: CommandContext },
): Promise<number> {
  const path = displayBytes(printStorePath(store.storeDir, info.path));
  using checking = context.log.startActivity({ type: 'unknown', level: 'info', text: `checking '${path}'` });
  let status = 0;
  if (options.contents) {
    const found = await hashContents(store, info.path, { signal: context.signal });
    if (!equalHashes(found, info.narHash)) {
      status |= statusBits.corrupted;
      checking.result({ type: 'corruptedPath', path });
      const [expected, got] = [info.narHash, found].map(hash => formatHash(hash, 'nix32', { prefix: true }));
      checking.log('error', `path '${path}' was modified! expected hash '${expected}', got '${got}'`);
    }
  }
  if (options.trust && !(await isTrusted(store, info, { options, reporter: context.log }))) {
    status |= statusBits.untrusted;
    checking.result({ type: 'untrustedPath', path });
    checking.log('error', `path '${path}' is untrusted`);
  }
  return status;
}

async function isTrusted(
  { storeDir }: Store,
  info: PathInfo,
  { options, reporter }: { readonly options: VerifyOptions; readonly reporter: Reporter },
): Promise<boolean> {
  const { signaturesNeeded, keys, substituters } = options;
  if (info.ultimate === true && signaturesNeeded === 0) return true;
  if (isContentAddressed(storeDir, info)) return true;
  const signatures = new Map<string, Signature>();
  const isEnough = (more: PathInfo): boolean => {
    for (const signature of more.signatures) signatures.set(formatSignature(signature), signature);
    const all = { ...info, signatures: [...signatures.values()] };
    return countValidSignatures(storeDir, all, keys) >= Math.max(signaturesNeeded, 1);
  };
  if (isEnough(info)) return true;
  for (const substituter of substituters) {
    try {
      const theirs = await substituter.pathInfo(info.path);
      if (theirs !== undefined && (isContentAddressed(storeDir, theirs) || isEnough(theirs))) return true;
    } catch (error) {
      reporter.logError(error);
    }
  }
  return false;
}
