import { isUtf8 } from 'node:buffer';
import {
  buildTraceEntryFromJson,
  buildTraceEntryOf,
  buildTraceEntryToJson,
  derivationFromJson,
  derivationToJson,
  derivingPathFromJson,
  derivingPathToJson,
  formatJson,
  fingerprintRealisation,
  narInfoFromJson,
  outputsSpecFromJson,
  outputsSpecToJson,
  parseJson,
  parseStorePath,
  pathInfoFromJson,
  pathInfoToJson,
  realisationFromJson,
  realisationToJson,
  realisedOutputFromJson,
  singleDerivingPathFromJson,
  singleDerivingPathToJson,
  structuredAttrsToShell,
  parseStructuredAttrs,
  type JsonValue,
  allOutputs,
  type DerivingPath,
} from '../../../src/nix-compat/index.ts';
import { jsonValues, singleDerivingPaths, textDerivations } from '../../../src/testing/index.ts';
import { type Target, Violation, bytes, outcomeOf, requireEqual, seed } from '../target.ts';
import { narInfos, realisations, samples, storeDir, vectorFiles } from './seeds.ts';

const words = [
  ['{', '}', '[', ']', ',', ':', '"', '\\', 'null', 'true', 'false', '""', '{}', '[]', '-', '.', 'e', 'E+', '0'],
  [
    '\\u0000',
    '\\ud800',
    '\\udc00',
    '\\ud83d\\ude00',
    '\\uFFFF',
    '\\n',
    '\\/',
    '\xef\xbb\xbf',
    '\xed\xa0\x80',
    '\xc3\xa4',
  ],
  ['18446744073709551615', '18446744073709551616', '-9223372036854775808', '1e308', '1e309', '5e-324', '-0', '0.1'],
  ['[[[[[[[[', '{"a":', '"a":1,"a":2', '\n', '\t', ' ', '\x7f', '\x00', '/**/', '//'],
].flat();

function json(value: JsonValue): Uint8Array {
  return seed(formatJson(value));
}

/** Compares with JavaScript's own parser, which is stricter about nothing but the byte order mark. */
async function compareParsers(input: Uint8Array): Promise<void> {
  if (!isUtf8(input) || (input[0] === 0xef && input[1] === 0xbb)) return;
  const ours = await outcomeOf(() => parseJson(bytes(input)));
  const accepted = 'value' in ours;
  let theirs = true;
  try {
    JSON.parse(Buffer.from(input).toString('utf8'));
  } catch {
    theirs = false;
  }
  if (accepted && !theirs) throw new Violation('accepts what is no JSON');
  // A lone surrogate is text for JavaScript alone.
  if (!accepted && theirs && ours.code === 'json/syntax' && !/\\u[dD][89a-fA-F]/.test(bytes(input)))
    throw new Violation('refuses JSON');
}

interface JsonFormat<T> {
  readonly name: string;
  readonly values: () => readonly JsonValue[];
  readonly dictionary: readonly string[];
  readonly from: (json: JsonValue) => T;
  /** Absent where it is of no use: a value is read that has more than is written, say. */
  readonly to?: (value: T) => JsonValue;
}

function jsonTarget<T>({ name, values, dictionary, from, to }: JsonFormat<T>): Target {
  return {
    name,
    flavour: 'text',
    seeds: () => values().map(json),
    dictionary: [...dictionary.map(word => `"${word}"`), ...dictionary, ...words],
    run(input) {
      const value = from(parseJson(bytes(input)));
      if (to !== undefined) {
        const printed = formatJson(to(value));
        requireEqual(
          formatJson(to(from(parseJson(printed)))),
          printed,
          'is written differently after it was read back',
        );
      }
      return value;
    },
  };
}

const path = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
const drv = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar.drv');
const derivingPaths = (): DerivingPath[] =>
  samples(singleDerivingPaths).map(derivation => ({ kind: 'built', derivation, outputs: allOutputs }));

const infoFields = [
  [
    'version',
    'storeDir',
    'narHash',
    'narSize',
    'references',
    'ca',
    'deriver',
    'registrationTime',
    'signatures',
    'ultimate',
  ],
  [
    'url',
    'compression',
    'downloadHash',
    'downloadSize',
    'method',
    'hash',
    'nar',
    'text',
    '/nix/store',
    'sha256-',
    'keyName',
  ],
].flat();

const shared: readonly Target[] = [
  jsonTarget({
    name: 'derivation-json',
    values: () => samples(textDerivations, 20).map(derivationToJson),
    dictionary: [
      ['name', 'version', 'outputs', 'inputs', 'drvs', 'srcs', 'system', 'builder', 'args', 'env', 'structuredAttrs'],
      ['path', 'method', 'hash', 'hashAlgo', 'impure', 'dynamicOutputs', 'nar', 'flat', 'text', 'git', 'sha256', 'out'],
    ].flat(),
    from: derivationFromJson,
    to: derivationToJson,
  }),
  ...([1, 2] as const).map(format =>
    jsonTarget({
      name: `path-info-json-${format}`,
      values: () => samples(narInfos).map(info => pathInfoToJson(storeDir, info, { format })),
      dictionary: infoFields,
      from: value => pathInfoFromJson(storeDir, path, value),
      to: info => pathInfoToJson(storeDir, info, { format }),
    }),
  ),
  jsonTarget({
    name: 'narinfo-json',
    values: () => samples(narInfos).map(info => pathInfoToJson(storeDir, info, { format: 2 })),
    dictionary: infoFields,
    from: value => narInfoFromJson(storeDir, path, value),
    to: info => pathInfoToJson(storeDir, info, { format: 2 }),
  }),
  jsonTarget({
    name: 'realisation-json',
    values: () => samples(realisations).map(realisationToJson),
    dictionary: ['id', 'outPath', 'signatures', 'dependentRealisations', 'sha256:', '!', 'out', 'keyName', 'sig'],
    from: value => {
      const realisation = realisationFromJson(value);
      fingerprintRealisation(realisation);
      return realisation;
    },
    to: realisationToJson,
  }),
  jsonTarget({
    name: 'build-trace-json',
    values: () => samples(realisations).map(value => buildTraceEntryToJson(buildTraceEntryOf(value, drv))),
    dictionary: ['key', 'value', 'drvPath', 'outputName', 'outPath', 'signatures', 'keyName', 'sig'],
    from: buildTraceEntryFromJson,
    to: buildTraceEntryToJson,
  }),
  jsonTarget({
    name: 'realised-output-json',
    values: () => samples(realisations).map(realisationToJson),
    dictionary: ['outPath', 'signatures', 'keyName', 'sig'],
    from: realisedOutputFromJson,
  }),
  jsonTarget({
    name: 'deriving-path-json',
    values: () => derivingPaths().map(derivingPathToJson),
    dictionary: ['drvPath', 'outputs', 'output', '*', 'out'],
    from: derivingPathFromJson,
    to: derivingPathToJson,
  }),
  jsonTarget({
    name: 'single-deriving-path-json',
    values: () => samples(singleDerivingPaths).map(singleDerivingPathToJson),
    dictionary: ['drvPath', 'output', 'out'],
    from: singleDerivingPathFromJson,
    to: singleDerivingPathToJson,
  }),
  jsonTarget({
    name: 'outputs-spec-json',
    values: () => [['*'], ['out', 'dev'], []].map(names => parseJson(bytes(seed(JSON.stringify(names))))),
    dictionary: ['*', 'out', 'dev'],
    from: outputsSpecFromJson,
    to: outputsSpecToJson,
  }),
];

const jsonVectors = () => vectorFiles(/\.(json|ls)$/).filter(({ length }) => length < 8192);

export const jsonTargets: readonly Target[] = [
  {
    name: 'json',
    weight: 4,
    flavour: 'text',
    seeds: () => [
      ...samples(jsonValues, 30).map(json),
      ...jsonVectors(),
      seed('['.repeat(10_001)),
      seed('{"a":'.repeat(3000)),
    ],
    dictionary: words,
    givesOffset: code => code === 'json/syntax' || code === 'json/not-utf8',
    async run(input) {
      await compareParsers(input);
      const value = parseJson(bytes(input));
      const printed = formatJson(value);
      requireEqual(formatJson(parseJson(printed)), printed, 'is written differently after it was read back');
      requireEqual(formatJson(parseJson(formatJson(value, 2))), printed, 'indentation changes the value');
      return value;
    },
  },
  {
    name: 'structured-attrs',
    flavour: 'text',
    seeds: () => [
      ...samples(jsonValues, 20).map(value => json(new Map([[bytes(seed('a')), value]]))),
      seed(`{"list":["a'b",1,true,null],"set":{"x":"y z","n":-1.5},"mixed":[[1]],"no name":1,"f":2.0}`),
    ],
    dictionary: words,
    run(input) {
      const attributes = parseStructuredAttrs(bytes(input));
      return [structuredAttrsToShell(attributes), attributes];
    },
  },
  ...shared,
];
