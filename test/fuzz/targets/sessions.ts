import { FirnError, silentReporter } from '../../../src/base/index.ts';
import { defaultStoreDir } from '../../../src/nix-compat/index.ts';
import { serveStore, serveWorker } from '../../../src/server/index.ts';
import {
  type Collected,
  LocalStore,
  ServeConnection,
  type Upkeep,
  WorkerConnection,
} from '../../../src/store/index.ts';
import {
  MemoryChannel,
  type RecordedSession,
  TestServedStore,
  keepRootsIn,
  readRecordedSessions,
  serveScripts,
  temporaryFolder,
  workerScripts,
} from '../../../src/testing/index.ts';
import { type Target, inChunks } from '../target.ts';
import { dictionary } from './wire-format.ts';

/** Nothing is looked after while clients come by the thousand: that takes long, and no client's words matter to it. */
const noUpkeep: Upkeep = {
  verify: () => Promise.resolve(false),
  optimise: () => Promise.resolve({ filesLinked: 0, bytesFreed: 0 }),
};

const nothingCollected: Collected = { paths: [], bytesFreed: 0 };

let known: TestServedStore | undefined;

/** The store that all cases of a process ask, kept until it ends: what they come to depends on no other case. */
function served(): TestServedStore {
  if (known !== undefined) return known;
  const folder = temporaryFolder();
  process.once('exit', () => folder[Symbol.dispose]());
  const store = new LocalStore({ dataFolder: `${folder.path}/data`, realStoreDir: `${folder.path}/store` });
  keepRootsIn(folder.path, store);
  Object.defineProperty(store, 'upkeep', { value: noUpkeep });
  Object.defineProperty(store.collector, 'collect', { value: () => Promise.resolve(nothingCollected) });
  known = new TestServedStore(store);
  return known;
}

/**
 * What a service or client ends with: that it does, in one of our errors or in none, is all that is asked of it. How much it
 * has said by then, in powers of two, tells how far it has come.
 */
async function endOf(work: Promise<unknown>, channel: MemoryChannel): Promise<unknown> {
  const said = () => Math.round(2 * Math.log2(channel.written.length + 1));
  try {
    await work;
    return { kind: `${said()} ended` };
  } catch (error) {
    if (error instanceof FirnError) return { kind: `${said()} ${error.code}` };
    throw error;
  }
}

function seedsOf(protocol: RecordedSession['protocol'], side: 'sent' | 'answered'): Uint8Array[] {
  return readRecordedSessions(protocol).flatMap(session => session[side] ?? []);
}

const { signal } = new AbortController();

export const sessionTargets: readonly Target[] = [
  {
    name: 'session-worker',
    weight: 3,
    flavour: 'padded',
    seeds: () => seedsOf('worker', 'sent'),
    dictionary,
    async run(input, random) {
      const faults: unknown[] = [];
      const onFault = (error: unknown) => void faults.push(error);
      const isTrusted = random.oneIn(2);
      const channel = new MemoryChannel(inChunks(input, random));
      const end = await endOf(serveWorker(channel, served(), { isTrusted, signal, onFault }), channel);
      if (faults.length > 0) throw faults[0];
      return end;
    },
  },
  {
    name: 'session-serve',
    weight: 3,
    flavour: 'padded',
    seeds: () => seedsOf('serve', 'sent'),
    dictionary,
    async run(input, random) {
      const channel = new MemoryChannel(inChunks(input, random));
      const options = { mayWrite: !random.oneIn(4), reporter: silentReporter, signal };
      return endOf(serveStore(channel, served(), options), channel);
    },
  },
  {
    name: 'session-worker-client',
    flavour: 'padded',
    seeds: () => seedsOf('worker', 'answered'),
    dictionary,
    async run(input, random) {
      const channel = new MemoryChannel(inChunks(input, random));
      const options = { storeDir: defaultStoreDir, uri: 'fuzz', preamble: '', reporter: silentReporter };
      const script = random.pick(Object.values(workerScripts));
      return endOf(WorkerConnection.open(channel, options).then(script), channel);
    },
  },
  {
    name: 'session-serve-client',
    flavour: 'padded',
    seeds: () => seedsOf('serve', 'answered'),
    dictionary,
    async run(input, random) {
      const channel = new MemoryChannel(inChunks(input, random));
      const options = { storeDir: defaultStoreDir, host: 'fuzz', preamble: '' };
      const script = random.pick(Object.values(serveScripts));
      return endOf(ServeConnection.open(channel, options).then(script), channel);
    },
  },
];
