import { writeSync } from 'node:fs';
import { type ByteString, displayBytes, errnoOf, textOf } from '../../base/index.ts';
import {
  type LeasedConnection,
  type MachineLease,
  type MachinePool,
  MachineUnreachable,
  RunningBuild,
  actionObstacle,
  buildOnMachine,
  describeNoMachine,
} from '../../engine/index.ts';
import {
  type MachineNeeds,
  type StorePath,
  WireReader,
  parseDerivationOptions,
  printStorePath,
  readStorePath,
  readStorePaths,
  readStrings,
  verbosityOf,
} from '../../nix-compat/index.ts';
import { LocalStore, type Store, outputIds, readDerivation } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openLocalBuilder } from '../open-builder.ts';
import { openCommandStore } from '../open-store.ts';
import { openStandardChannel } from '../standard-channel.ts';
import { becomeProgram } from '../shell/become-program.ts';
import { ownVariables } from '../shell/environment-flags.ts';
import { foreignStarter } from './hook-starter.ts';
import { openMachines, readMachineSettings } from './open-machines.ts';
import { readMachines } from './read-machines.ts';

/**
 * `nix __build-remote VERBOSITY`: what whoever builds starts to have derivations built elsewhere (its "build hook"). It gets
 * settings and then requests at standard input, and answers by lines of standard error that begin with `# `, between messages
 * in JSON. Where C++ Nix has started us, its own hook takes our place.
 */
export async function runBuildHook(args: readonly ByteString[], context: CommandContext): Promise<void> {
  const [verbosity, ...rest] = args.map(displayBytes);
  if (verbosity === undefined || !/^[0-9]+$/.test(verbosity) || rest.length > 0) {
    throw new CliError('usage/missing-argument', 'called without required arguments');
  }
  const starter = foreignStarter();
  if (starter !== undefined) {
    const place = { storeDir: context.environment.storeDir, realStoreDir: undefined };
    const own = { file: starter, args: ['nix', '__build-remote', verbosity], environment: ownVariables() };
    return await becomeProgram(context, place, own);
  }
  const { log } = context;
  log.format = 'internal-json';
  log.verbosity = verbosityOf(Number(verbosity));
  // ssh must not ask anybody anything.
  delete process.env['DISPLAY'];
  delete process.env['SSH_ASKPASS'];
  await using channel = openStandardChannel();
  await using reader = new WireReader(channel.source);
  await readSettings(reader, context);
  const machines = readMachines(context);
  log.log('debug', `got ${machines.length} remote builders`);
  if (machines.length === 0) return answer('decline-permanently');
  await using store = await openCommandStore(context);
  await using pool = openMachines(store, context, {
    machines,
    openHere: (of, owned) => openLocalBuilder(of, context, owned, { slots: 1 }),
  });
  const hook: Hook = { reader, store, pool, context };
  for (let request = await readRequest(hook); request !== undefined; request = await readRequest(hook)) {
    const taken = await respond(hook, request);
    if (taken === 'last') return;
  }
}

interface Hook {
  readonly reader: WireReader;
  readonly store: Store;
  readonly pool: MachinePool;
  readonly context: CommandContext;
}

/** A derivation that whoever started us wants built. */
interface BuildRequest {
  readonly path: StorePath;
  readonly needs: MachineNeeds;
  /** Whether it has a slot of its own for it. */
  readonly isWilling: boolean;
}

async function readRequest({ reader, store }: Hook): Promise<BuildRequest | undefined> {
  reader.startMessage();
  if ((await reader.atEnd()) || displayBytes(await reader.string()) !== 'try') return undefined;
  const isWilling = (await reader.number()) !== 0;
  const system = displayBytes(await reader.string());
  const path = await readStorePath(reader, store.storeDir);
  const features = (await readStrings(reader)).map(displayBytes);
  return { isWilling, path, needs: { system, features: new Set(features) } };
}

/** `last`: there are no more requests, since this one was taken, or none ever will be. */
async function respond(hook: Hook, { path, needs: asked, isWilling }: BuildRequest): Promise<'last' | 'next'> {
  const { pool, store, context } = hook;
  const { log, signal } = context;
  if (!(await store.validPaths([path], { signal })).has(path)) {
    const hint = "a Nix whose database is another's cannot be built for: set its 'build-hook' to its own program";
    log.warn(`'${printStorePath(store.storeDir, path)}' is not in the store '${store.uri}' (${hint})`);
    answer('decline-permanently');
    return 'last';
  }
  const derivation = await readDerivation(store, path, { signal });
  const needs = {
    ...asked,
    actionObstacle: actionObstacle(derivation, parseDerivationOptions(store.storeDir, derivation)),
  };
  const couldBuildHere = canBuildHere(hook, needs);
  for (;;) {
    const found = pool.tryAcquire(needs);
    if (found === 'busy' && !(isWilling && couldBuildHere)) {
      answer('postpone');
      return 'next';
    }
    if (found === 'busy' || found === 'none') {
      log.log(couldBuildHere ? 'chatty' : 'warn', () => describeNoMachine(path, needs, pool.machines));
      answer('decline');
      return 'next';
    }
    using lease = found;
    try {
      const leased = await lease.connect({ signal, reporter: log });
      await build(hook, { path, lease, leased });
      return 'last';
    } catch (error) {
      if (!(error instanceof MachineUnreachable)) throw error;
    }
  }
}

function canBuildHere({ store, context: { settings } }: Hook, { system, features }: MachineNeeds): boolean {
  const available = store instanceof LocalStore ? store.systemFeatures : undefined;
  return (
    settings.get('max-jobs') > 0 &&
    (system === settings.get('system') || settings.get('extra-platforms').has(system)) &&
    features.isSubsetOf(available ?? settings.get('system-features'))
  );
}

/** Where whoever started us reads the log of a build that comes beside the protocol. */
const logDescriptor = 4;

function writeLog(chunk: Uint8Array): void {
  try {
    for (let at = 0; at < chunk.byteLength;) at += writeSync(logDescriptor, chunk, at);
  } catch (error) {
    // Who reads no log has none; what is built matters more.
    if (!['EBADF', 'EPIPE'].includes(errnoOf(error) ?? '')) throw error;
  }
}

interface TakenBuild {
  readonly path: StorePath;
  readonly lease: MachineLease;
  readonly leased: LeasedConnection;
}

async function build(hook: Hook, { path, lease, leased }: TakenBuild): Promise<void> {
  const { reader, store, context } = hook;
  const { log, signal, settings } = context;
  answer(`accept\n${lease.uri}`);
  const inputs = new Set(await readStorePaths(reader, store.storeDir));
  const wanted = new Set(await readStrings(reader));
  leased.errors.passTo(writeLog);
  const { inputDerivations, ...derivation } = await readDerivation(store, path, { signal });
  const inputSources = inputDerivations.size === 0 ? derivation.inputSources : [...inputs].toSorted();
  const job = { path, derivation: { ...derivation, inputSources }, mode: 'normal' } as const;
  using running = new RunningBuild(store.storeDir, path, undefined);
  // Whoever started us makes nothing valid for builders of ours.
  const nesting = { realising: undefined, build: running, slot: lease };
  let isGood = false;
  try {
    const built = await buildOnMachine(lease, leased, {
      build: { store, job, inputs, wanted, settings: readMachineSettings(context), nesting },
      progress: { signal, reporter: log },
    });
    if (settings.isEnabled('ca-derivations')) {
      const ids = await outputIds(store, path, { derivation: { ...derivation, inputDerivations }, signal });
      for (const [name, output] of built) {
        const id = ids.get(name);
        if (id === undefined || (await store.realisation(id, { signal })) !== undefined) continue;
        await store.writer?.addRealisation({ id, path: output, signatures: [] }, { signal });
      }
    }
    isGood = true;
  } finally {
    await leased.giveBack(isGood);
  }
}

/** What those do not know that started us is no matter: they are of another version, as a rule. */
async function readSettings(reader: WireReader, { settings }: CommandContext): Promise<void> {
  while ((await reader.number()) !== 0) {
    const name = displayBytes(await reader.string());
    const value = textOf(await reader.string());
    // What is the same need not be said again: of some settings a warning would be.
    const known = settings.names().find(each => each === name);
    if (known !== undefined && value !== undefined && settings.format(known) !== value) settings.assign(name, value);
  }
}

/** Between messages: nothing of it may wait in a buffer. */
function answer(text: string): void {
  writeSync(2, `# ${text}\n`);
}
