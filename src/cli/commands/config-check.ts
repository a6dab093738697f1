import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ExecError, LocalExecutor } from '../../exec/index.ts';
import { LocalStore, type Store } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitStatus } from '../exit-status.ts';
import { openCommandStore } from '../open-store.ts';
import { blue, green, normal, red } from '../render/ansi.ts';

/** How the status of a check that failed differs from that of a command that failed. */
const failedChecks = 2;

/** `nix config check` */
export function configCheck(context: CommandContext): Command {
  return {
    summary: 'Looks for common problems of this installation.',
    flags: [],
    positionals: [],
    run: async () => {
      await using store = await openCommandStore(context);
      const { log, environment } = context;
      log.log('info', `Running checks against store uri: ${store.uri}`);
      const problems = store.realStoreDir === undefined ? [] : [pathProblem(), profileProblem(environment)];
      const passes = ['PATH contains only one nix version.', 'All profiles are gcroots.'];
      for (const [at, problem] of problems.entries()) {
        if (problem === undefined) log.log('notice', `${green}[PASS] ${normal}${passes[at]}`);
        else log.log('notice', `${red}[FAIL] ${normal}${problem}`);
      }
      if (store instanceof LocalStore) {
        log.log('notice', `${green}[PASS] ${normal}Client protocol matches store protocol.`);
      }
      log.log('notice', `${blue}[INFO] ${normal}${await trustOf(store, context.signal)}`);
      const obstacle = await sandboxObstacle(store, context);
      if (obstacle !== undefined) {
        const grade = obstacle.isFatal ? `${red}[FAIL] ` : `${blue}[INFO] `;
        log.log('notice', `${grade}${normal}${obstacle.text}`);
      }
      if (obstacle?.isFatal === true || problems.some(problem => problem !== undefined)) {
        throw new ExitStatus(failedChecks);
      }
    },
  };
}

interface SandboxObstacle {
  readonly text: string;
  /** Whether nothing can be built for it; otherwise builds go on outside of sandboxes. */
  readonly isFatal: boolean;
}

/** Why builds that are to have sandboxes get none; C++ Nix does not say before the first build. */
async function sandboxObstacle(store: Store, { settings }: CommandContext): Promise<SandboxObstacle | undefined> {
  if (!(store instanceof LocalStore)) return undefined;
  const isPrivate = store.realStoreDir !== store.storeDir;
  if (settings.get('sandbox') === 'false' && !isPrivate) return undefined;
  await using executor = new LocalExecutor();
  try {
    const text = await executor.sandboxObstacle();
    return text === undefined ? undefined : { text, isFatal: isPrivate || !settings.get('sandbox-fallback') };
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    return { text: error.message, isFatal: true };
  }
}

function searchPath(): string[] {
  return (process.env['PATH'] ?? '').split(':').map(folder => (folder === '' ? '.' : folder));
}

function pathProblem(): string | undefined {
  const found = new Set(searchPath().flatMap(folder => realPath(join(folder, 'nix-env')) ?? []));
  const folders = new Set([...found].map(program => dirname(program)).toSorted());
  if (folders.size === 0) return 'No nix-env found in PATH.';
  return folders.size === 1 ? undefined : `Multiple versions of nix found in PATH:\n${list(folders)}`;
}

/** Folders of PATH that are profiles which the garbage collector does not know. */
function profileProblem({ storeDir, stateDir }: CommandContext['environment']): string | undefined {
  const outside = new Set(
    searchPath().filter(folder => {
      const profile = dirname(folder);
      const target = realPath(profile);
      return target?.startsWith(`${storeDir}/`) === true && isEnvironment(target) && !leadsThroughProfiles(profile);
    }),
  );
  if (outside.size === 0) return undefined;
  return [
    `Found profiles outside of ${stateDir}/profiles.`,
    'No root may keep what they have: a garbage collection would leave broken links.',
    '',
    `${list(outside)}\n`,
  ].join('\n');
}

function isEnvironment(path: string): boolean {
  return basename(path).endsWith('user-environment');
}

/** More links than the operating system follows; a cycle was refused by `realPath` already. */
const maxLinks = 40;

/** Whether a folder `profiles` is met on the way from link to link. */
function leadsThroughProfiles(profile: string): boolean {
  let at = resolve(profile);
  for (let links = 0; links < maxLinks; links++) {
    if (at.split('/').includes('profiles')) return true;
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return false;
    at = resolve(dirname(at), readlinkSync(at));
  }
  return false;
}

async function trustOf(store: Store, signal: AbortSignal): Promise<string> {
  const { uri } = store;
  const trustsUs = store.keeper === undefined || (await store.keeper({ signal })).trustsUs;
  if (trustsUs === false) return `You are not trusted by store uri: ${uri}`;
  if (trustsUs === undefined || /^(https?|s3):/.test(uri))
    return `Store uri: ${uri} doesn't have a notion of trusted user`;
  return `You are trusted by store uri: ${uri}`;
}

function list(paths: Iterable<string>): string {
  return Array.from(paths, path => `  "${path}"\n`).join('');
}

/** Undefined where nothing is there, or nothing that we may look at. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
