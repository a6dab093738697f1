import { byteStringFromText } from '../../../src/base/index.ts';
import { WireReader, WireWriter, hashBytes, parseStorePath, type PathInfo } from '../../../src/nix-compat/index.ts';
import { readVectors } from '../../../src/testing/index.ts';
import { type Target, inChunks, outcomeOf, requireEqual } from '../target.ts';
import { narInfos, samples } from './seeds.ts';

export const text = byteStringFromText;
export const path = '/nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo';
export const drv = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar.drv');

export const dictionary = [
  [
    path,
    `${path}.drv`,
    `${path}.drv!out`,
    'out',
    'sha256:',
    'r:sha256',
    'fixed:r:sha256:',
    '{}',
    '',
    'impure',
    '__json',
  ],
  ['gmlo', 'atad', '\x16tad', 'stla', 'ptxc', 'TRTS', 'POTS', 'TLSR', 'cxin', 'oixd', 'NIXE', 'Error', 'nix-archive-1'],
  ['\x01\0\0\0\0\0\0\0', '\0\0\0\0\0\0\0\0', '\xff\xff\xff\xff\xff\xff\xff\xff', 'realisation-with-path-not-hash'],
].flat();

export const vectorsNamed = (pattern: RegExp): Buffer[] =>
  (readVectors('wire/protocols.json') as readonly { readonly name: string; readonly hex: string }[])
    .filter(({ name }) => pattern.test(name))
    .map(({ hex }) => Buffer.from(hex, 'hex'));

interface WireCodec<T> {
  readonly name: string;
  readonly values: () => readonly T[];
  readonly vectors?: RegExp;
  readonly read: (reader: WireReader) => Promise<T>;
  readonly write?: (writer: WireWriter, value: T) => void;
}

async function readOne<T>(read: (reader: WireReader) => Promise<T>, chunks: Iterable<Uint8Array>) {
  const reader = new WireReader(chunks);
  return { outcome: await outcomeOf(() => read(reader)), offset: reader.offset };
}

export function wireTarget<T>({ name, values, vectors, read, write }: WireCodec<T>): Target {
  return {
    name: `wire-${name}`,
    flavour: 'padded',
    seeds() {
      const written = values().map(value => {
        const writer = new WireWriter();
        write?.(writer, value);
        return writer.take();
      });
      return [...written, ...(vectors === undefined ? [] : vectorsNamed(vectors))];
    },
    dictionary,
    givesOffset: code => code.startsWith('wire/'),
    async run(input, random) {
      const whole = await readOne(read, [input]);
      const chunked = await readOne(read, inChunks(input, random));
      requireEqual(chunked.outcome, whole.outcome, 'the outcome depends on the chunks');
      const value = await read(new WireReader([input]));
      requireEqual(chunked.offset, whole.offset, 'the chunks decide how much is read');
      if (write !== undefined) {
        const writer = new WireWriter();
        write(writer, value);
        const printed = writer.take();
        const again = await read(new WireReader([printed]));
        requireEqual(again, value, 'what is written is read differently');
        write(writer, again);
        requireEqual(writer.take(), printed, 'what is written is then written differently');
      }
      return value;
    },
  };
}

/** Without what only JSON and databases have. */
export const infos = (): PathInfo[] =>
  samples(narInfos).map(
    ({ path: of, narHash, narSize, references, deriver, signatures, contentAddress, registrationTime, ultimate }) => ({
      path: of,
      narHash: narHash.algorithm === 'sha256' ? narHash : hashBytes('sha256', narHash.digest),
      narSize,
      references,
      deriver,
      signatures,
      contentAddress,
      registrationTime,
      ultimate,
    }),
  );
