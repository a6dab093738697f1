import { readlinkSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { FirnError, byteStringFromText, displayBytes, messageOf, systemErrorText, unreachable } from '../base/index.ts';
import {
  type ClientOptions,
  parseStorePathIn,
  printStorePath,
  readClientOptions,
  readGcOptions,
  readStorePath,
  verbosityOf,
  writeStorePath,
} from '../nix-compat/index.ts';
import { asInStore, requireFacet } from '../store/index.ts';
import { ServerError } from './error.ts';
import type { WorkerSession } from './worker-session.ts';

export async function addTemporaryRoot(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir } = session;
  const path = await readStorePath(reader, storeDir);
  await session.work(async () => store.collector?.addTemporaryRoots([path]));
  writer.number(1);
}

/** The client has made the link, which is its own: it leads into the store. */
export async function addIndirectRoot(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir } = session;
  const link = displayBytes(await reader.string());
  await session.work(async () => {
    // A builder's links are in a sandbox of its own, and go with it.
    if (session.served.builder !== undefined) return;
    requireAbsolute(link);
    const target = byteStringFromText(readLink(link));
    const path = parseStorePathIn(storeDir, asInStore(store, target) ?? target);
    const collector = requireFacet(store, 'collector', 'addIndirectRoot');
    await collector.addTemporaryRoots([path]);
    await collector.registerIndirectRoot(link);
  });
  writer.number(1);
}

export async function addPermanentRoot(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir } = session;
  const path = await readStorePath(reader, storeDir);
  const link = displayBytes(await reader.string());
  await session.work(async () => {
    session.requireTrust(
      'you are not privileged to create perm roots\n\nhint: you can just do this client-side without special privileges, and probably want to do that instead.',
    );
    requireAbsolute(link);
    await requireFacet(store, 'collector', 'addPermRoot').addIndirectRoot(link, path);
  });
  writer.string(byteStringFromText(link));
}

function requireAbsolute(link: string): void {
  if (!isAbsolute(link)) throw new ServerError('request/malformed', `not an absolute path: "${link}"`);
  if (link.includes('\0')) throw new ServerError('request/malformed', 'the path of a root has a null byte in it');
}

function readLink(link: string): string {
  try {
    return readlinkSync(link);
  } catch (cause) {
    throw new ServerError('request/malformed', `reading symbolic link "${link}": ${systemErrorText(cause)}`, { cause });
  }
}

/** Obsolete: nothing is to be done. */
export async function syncWithCollector(session: WorkerSession): Promise<void> {
  await session.work(() => Promise.resolve());
  session.writer.number(1);
}

export async function findRoots(session: WorkerSession): Promise<void> {
  const { writer, store, storeDir, isTrusted, wanted: signal } = session;
  const roots = await session.work(() =>
    requireFacet(store, 'collector', 'findRoots').findRoots({ censor: !isTrusted, signal }),
  );
  writer.list(roots, ({ holder, path }) => {
    writer.string(byteStringFromText(holder));
    writeStorePath(writer, storeDir, path);
  });
}

export async function collectGarbage(session: WorkerSession): Promise<void> {
  const { reader, writer, store, storeDir, wanted: signal } = session;
  const { action, pathsToDelete, ignoreLiveness, maxFreed } = await readGcOptions(reader, storeDir);
  const { paths, bytesFreed } = await session.work(async () => {
    if (ignoreLiveness) throw new ServerError('request/forbidden', 'you are not allowed to ignore liveness');
    const collector = requireFacet(store, 'collector', 'collectGarbage');
    switch (action) {
      case 'return-live':
        return { paths: (await collector.liveness({ signal })).live, bytesFreed: 0 };
      case 'return-dead':
        return { paths: (await collector.liveness({ signal })).dead, bytesFreed: 0 };
      case 'delete-dead':
        return collector.collect({ signal, maxFreed: Number(maxFreed) });
      case 'delete-specific':
        return collector.collect({ signal, paths: pathsToDelete });
      default:
        return unreachable(action);
    }
  });
  writer.list(paths, path => writer.string(printStorePath(storeDir, path)));
  writer.number(bytesFreed);
  writer.number(0); // obsolete
}

export async function optimiseStore(session: WorkerSession): Promise<void> {
  const { writer, store, wanted: signal } = session;
  await session.work(() => requireFacet(store, 'upkeep', 'optimiseStore').optimise({ signal }));
  writer.number(1);
}

export async function verifyStore(session: WorkerSession): Promise<void> {
  const { reader, writer, store, wanted: signal } = session;
  const checkContents = await reader.boolean();
  const repair = await reader.boolean();
  const errors = await session.work(async () => {
    if (repair) session.requireTrust('you are not privileged to repair paths');
    return requireFacet(store, 'upkeep', 'verifyStore').verify({ checkContents, repair, signal });
  });
  writer.boolean(errors);
}

/** Settings that harm nobody else. */
const harmless: ReadonlySet<string> = new Set(['timeout', 'max-silent-time', 'build-poll-interval', 'connect-timeout']);

/** Settings that are the server's alone. How logs are compressed is so since C++ Nix's clients may have to read the files. */
const own: ReadonlySet<string> = new Set([
  'ssh-auth-sock',
  'experimental-features',
  'plugin-files',
  'store',
  'compress-build-log',
]);

export async function setOptions(session: WorkerSession): Promise<void> {
  const options = await readClientOptions(session.reader);
  // What a builder wants is done by the settings of whoever wants the build.
  if (session.served.builder !== undefined) return session.work(() => Promise.resolve());
  await session.work(async () => applyOptions(session, options));
}

function applyOptions(session: WorkerSession, options: ClientOptions): void {
  const { isTrusted, log, served } = session;
  log.verbosity = verbosityOf(options.verbosity);
  const assign = (name: string, value: string) => {
    try {
      served.assign(name, value);
    } catch (error) {
      if (!(error instanceof FirnError)) throw error;
      log.warn(messageOf(error));
    }
  };
  assign('keep-failed', String(options.keepFailed));
  assign('keep-going', String(options.keepGoing));
  assign('fallback', String(options.tryFallback));
  assign('max-jobs', String(options.maxBuildJobs));
  assign('max-silent-time', String(options.maxSilentTime));
  assign('cores', String(options.buildCores));
  assign('substitute', String(options.useSubstitutes));
  for (const [nameBytes, valueBytes] of options.overrides) {
    const [name, value] = [displayBytes(nameBytes), displayBytes(valueBytes)];
    if (own.has(name)) continue;
    if (isTrusted || harmless.has(name) || (name === 'builders' && value === '')) assign(name, value);
    else if (name === 'substituters') assign(name, trustedAmong(session, value).join(' '));
    else {
      log.warn(
        `ignoring the client-specified setting '${name}', because it is a restricted setting and you are not a trusted user`,
      );
    }
  }
}

/** Of substituters, those that the server's own settings name. */
function trustedAmong({ served, log }: WorkerSession, value: string): string[] {
  const trusted = served.trustedSubstituters();
  return value.split(/\s+/).filter(uri => {
    if (uri === '' || trusted.has(uri) || trusted.has(`${uri}/`)) return uri !== '';
    log.warn(
      `ignoring untrusted substituter '${uri}', you are not a trusted user.\nRun \`man nix.conf\` for more information on the \`substituters\` configuration option.`,
    );
    return false;
  });
}
