import { openSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Fuzzer, type Progress } from './fuzzer.ts';
import type { Finding } from './judge.ts';
import { targets } from './targets/index.ts';

/** What a worker is told, as JSON in its only argument. */
export interface Job {
  readonly seed: string;
  readonly targets: readonly string[];
  readonly seconds: number;
  /** Before each case: a count, the target's index and the input's length (32 bits each), and the input. */
  readonly blackBox: string;
}

export type WorkerMessage =
  | { readonly kind: 'finding'; readonly target: string; readonly finding: Finding; readonly base64: string }
  | { readonly kind: 'progress'; readonly progress: readonly Progress[] }
  | {
      readonly kind: 'samples';
      readonly target: string;
      readonly samples: readonly { readonly base64: string; readonly outcome: string }[];
    };

/** In milliseconds, for one target before the next has its turn. */
const turn = 300;

/** Waits until the message is on its way: what is not is lost when the worker disconnects. */
function send(message: WorkerMessage): Promise<void> {
  return new Promise(resolve => {
    if (process.send === undefined) resolve();
    else process.send(message, () => resolve());
  });
}

async function work(job: Job): Promise<void> {
  const file = openSync(job.blackBox, 'r+');
  let count = 0;
  const header = Buffer.alloc(12);
  const fuzzers = targets
    .map((target, index) => ({ target, index }))
    .filter(({ target }) => job.targets.includes(target.name))
    .map(({ target, index }) => {
      const announce = (input: Uint8Array): void => {
        header.writeUInt32LE(++count % 2 ** 32, 0);
        header.writeUInt32LE(index, 4);
        header.writeUInt32LE(input.length, 8);
        writeSync(file, Buffer.concat([header, input]), 0, undefined, 0);
      };
      return { target, fuzzer: new Fuzzer(target, job.seed, announce) };
    });
  const end = performance.now() + job.seconds * 1000;
  while (performance.now() < end) {
    for (const { target, fuzzer } of fuzzers) {
      if (performance.now() >= end) break;
      await setImmediate();
      if (!process.connected) return;
      for await (const { finding, input } of fuzzer.fuzz(
        Math.min(turn * (target.weight ?? 1), end - performance.now()),
      ))
        await send({ kind: 'finding', target: target.name, finding, base64: Buffer.from(input).toString('base64') });
    }
    await send({ kind: 'progress', progress: fuzzers.map(({ fuzzer }) => fuzzer.progress) });
  }
  for (const { target, fuzzer } of fuzzers) {
    const samples = fuzzer.samples.map(({ input, outcome }) => {
      return { base64: Buffer.from(input).toString('base64'), outcome };
    });
    await send({ kind: 'samples', target: target.name, samples });
  }
  process.disconnect?.();
}

await work(JSON.parse(process.argv[2] ?? '') as Job);
