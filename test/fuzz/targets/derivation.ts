import { brandAs, byteStringFromText, type ByteString } from '../../../src/base/index.ts';
import {
  DerivationHasher,
  NixCompatError,
  checkDerivation,
  derivationFromJson,
  derivationToJson,
  derivationTypeOf,
  featuresOf,
  fillOutputPaths,
  formatDerivation,
  formatDerivingPath,
  formatJson,
  formatOutputId,
  formatOutputsSpec,
  formatRegistrations,
  formatSingleDerivingPath,
  makeDerivationFile,
  parseDerivation,
  parseDerivationOptions,
  parseDerivingPath,
  parseJson,
  parseOutputFields,
  parseOutputId,
  parseOutputsSpec,
  parsePathWithOutputs,
  parseRegistrations,
  parseSingleDerivingPath,
  requiredSystemFeatures,
  splitOutputsSpec,
  type Derivation,
  type DerivedInputs,
} from '../../../src/nix-compat/index.ts';
import { derivations, singleDerivingPaths } from '../../../src/testing/index.ts';
import { type Target, bytes, requireEqual, seed } from '../target.ts';
import { narInfos, realisations, samples, storeDir, vectorFiles } from './seeds.ts';
import { textTarget } from './text-codec.ts';

const path = '/nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo';
const name = byteStringFromText('foo');

const dictionary = [
  [
    'Derive([',
    'DrvWithVersion("xp-dyn-drv",[',
    '"',
    '\\',
    '\\"',
    '\\n',
    '(',
    ')',
    '[',
    ']',
    ',',
    '("out","","r:sha256","")',
  ],
  ['("out","","","")', `"${path}"`, `("${path}.drv",["out"])`, `("${path}.drv",(["out"],[("out",["dev"])]))`],
  [
    'r:sha256',
    'text:sha256',
    'git:sha1',
    'sha256',
    'impure',
    'r:blake3',
    '("__json","{}")',
    '{\\"a\\":1}',
    'xp-dyn-drv',
  ],
  ['(["out"],[("out",', ',[],[],"x","y",[],[])', '""', '\\x', '\xff'],
].flat();

function drvSeeds(): Uint8Array[] {
  const written = samples(derivations(), 30).flatMap(derivation => {
    try {
      return [seed(formatDerivation(storeDir, derivation))];
    } catch (error) {
      if (error instanceof NixCompatError) return [];
      throw error;
    }
  });
  return [...vectorFiles(/\.drv$/), ...written, nested(3), nested(256), nested(257)];
}

/** The same and no other refusal, or what `call` returns. */
function tolerate<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    if (error instanceof NixCompatError) return error.code;
    throw error;
  }
}

/** Whether it can be read as it is written: platforms and names of outputs are written without escapes. */
function isReadable({ platform, outputs, inputDerivations }: Derivation): boolean {
  const names = JSON.stringify([...outputs.keys(), ...namesIn(inputDerivations)]);
  return !/["\\]/.test(platform) && !names.includes('\\');
}

function* namesIn(inputs: Iterable<readonly [unknown, DerivedInputs]>): Generator<string, void> {
  for (const [, { outputs, dynamic }] of inputs) {
    yield* outputs;
    yield* dynamic.keys();
    yield* namesIn(dynamic);
  }
}

function runDerivation(input: Uint8Array): unknown {
  const derivation = parseDerivation(bytes(input), { storeDir, name });
  const printed = tolerate(() => formatDerivation(storeDir, derivation));
  if (printed.startsWith('D') && isReadable(derivation)) {
    const again = parseDerivation(brandAs<ByteString>(printed), { storeDir, name });
    if (derivation.structuredAttrs === undefined)
      requireEqual(again, derivation, 'a derivation is read differently than it was written');
    requireEqual(
      formatDerivation(storeDir, again),
      printed,
      'a derivation is written differently after it was read back',
    );
  }
  return [derivation, printed.length];
}

const anyHash = { kind: 'regular' as const, hashes: new Map() };

/** All that is computed from a derivation. */
function runDerived(input: Uint8Array): unknown {
  const derivation = parseDerivation(bytes(input), { storeDir, name });
  const hasher = new DerivationHasher(storeDir, () => anyHash);
  return [
    tolerate(() => derivationTypeOf(derivation)),
    tolerate(() => featuresOf(derivation)),
    tolerate(() => fillOutputPaths(derivation, hasher).env.size),
    tolerate(() => {
      const file = makeDerivationFile(storeDir, derivation);
      checkDerivation(derivation, file.path, hasher);
      return 'checked';
    }),
    tolerate(() => {
      const json = formatJson(derivationToJson(derivation));
      const again = derivationFromJson(parseJson(json));
      requireEqual(
        formatJson(derivationToJson(again)),
        json,
        'JSON of a derivation is written differently after it was read back',
      );
      return json.length;
    }),
  ];
}

function runOptions(input: Uint8Array): unknown {
  const derivation = parseDerivation(bytes(input), { storeDir, name });
  const warnings: string[] = [];
  const options = parseDerivationOptions(storeDir, derivation, message => warnings.push(message));
  return [options, warnings.length, tolerate(() => requiredSystemFeatures(options, derivation))];
}

const optionWords = [
  ['outputChecks', 'unsafeDiscardReferences', 'passAsFile', 'exportReferencesGraph', '__sandboxProfile', '__noChroot'],
  ['__impureHostDeps', 'impureEnvVars', '__darwinAllowLocalNetworking', 'requiredSystemFeatures', 'preferLocalBuild'],
  ['allowSubstitutes', 'allowedReferences', 'disallowedReferences', 'allowedRequisites', 'disallowedRequisites'],
  ['maxSize', 'maxClosureSize', '{\\"out\\":{\\"maxSize\\":1.5}}', '{\\"g\\":[[\\"', path, '1', 'a b'],
].flat();

const structuredOptions = [
  `{"outputChecks":{"out":{"maxSize":1.5,"maxClosureSize":7,"allowedReferences":["${path}","out"],"disallowedRequisites":[]}}}`,
  '{"outputChecks":{"out":{"maxSize":-1.5}},"allowedReferences":[]}',
  '{"unsafeDiscardReferences":{"out":true},"__noChroot":true,"requiredSystemFeatures":["kvm"],"__sandboxProfile":"x"}',
  `{"exportReferencesGraph":{"g":["${path}",[["${path}"]]],"h":"${path}"},"passAsFile":["a"]}`,
  '{"exportReferencesGraph":{"g":1}}',
  '{"exportReferencesGraph":[]}',
];

/** A derivation with these structured attributes. */
function structured(json: string): Uint8Array {
  const escaped = json.replaceAll('"', '\\"');
  return seed(`Derive([("out","${path}","","")],[],[],"x","/bin/sh",[],[("__json","${escaped}"),("passAsFile","a")])`);
}

/** Input derivations that are made by derivations, `depth` levels of them. */
function nested(depth: number): Uint8Array {
  const inputs = `${'(["out"],[("out",'.repeat(depth)}["out"]${')])'.repeat(depth)}`;
  return seed(`DrvWithVersion("xp-dyn-drv",[],[("${path}.drv",${inputs})],[],"x","y",[],[])`);
}

const options = (derivation: Derivation): Derivation => ({
  ...derivation,
  env: new Map(
    optionWords
      .slice(0, 16)
      .map((word, i) => [byteStringFromText(word), byteStringFromText(i % 2 === 0 ? '1' : `a ${path}`)]),
  ),
});

const givesOffset = (code: string) => code !== 'derivation/too-large';

export const derivationTargets: readonly Target[] = [
  { name: 'derivation', weight: 4, flavour: 'text', seeds: drvSeeds, dictionary, run: runDerivation, givesOffset },
  { name: 'derivation-paths', weight: 2, flavour: 'text', seeds: drvSeeds, dictionary, run: runDerived },
  {
    name: 'derivation-options',
    weight: 2,
    flavour: 'text',
    seeds: () => [
      ...drvSeeds(),
      ...structuredOptions.map(structured),
      ...samples(derivations(), 6).flatMap(derivation => {
        const text = tolerate(() => formatDerivation(storeDir, options(derivation)));
        return text.startsWith('D') ? [seed(text)] : [];
      }),
    ],
    dictionary: [...dictionary, ...optionWords],
    run: runOptions,
  },
  textTarget({
    name: 'output-fields',
    seeds: () => [`${path}\n\n`, '\n\n', `${path}\nr:sha256\n${'0'.repeat(64)}`, '\nr:sha256\n', '\nsha256\nimpure'],
    dictionary: ['\n', path, 'r:', 'text:', 'git:', 'sha256', 'impure', 'blake3', '/', '..'],
    parse(input) {
      const [outPath = '', mode = '', hash = ''] = bytes(input)
        .split('\n')
        .map(field => brandAs<ByteString>(field));
      return parseOutputFields(storeDir, { path: brandAs(outPath), mode: brandAs(mode), hash: brandAs(hash) });
    },
  }),
  ...([true, false] as const).map(withHashes =>
    textTarget({
      name: withHashes ? 'registrations' : 'registrations-without-hashes',
      seeds: () => [
        formatRegistrations(
          storeDir,
          samples(narInfos, 8).map(({ path: registered, narHash, narSize, deriver, references }) => {
            const nar = withHashes ? { hash: narHash, size: narSize } : undefined;
            return { path: registered, nar, deriver, references };
          }),
        ),
        ...samples(narInfos, 8).map(({ path: registered, references }) =>
          formatRegistrations(storeDir, [{ path: registered, references }]),
        ),
      ],
      dictionary: ['\n', '\n\n', '0\n', '1\n', `${path}\n`, '9007199254740992\n', '4294967296\n', 'f'.repeat(64)],
      parse: input => parseRegistrations(storeDir, bytes(input), { withHashes }),
      givesOffset: () => true,
    }),
  ),
  ...(['^', '!'] as const).flatMap(separator => [
    textTarget({
      name: separator === '^' ? 'deriving-path' : 'deriving-path-wire',
      seeds: () => [
        path,
        `${path}.drv${separator}*`,
        `${path}.drv${separator}out,dev`,
        ...samples(singleDerivingPaths).map(one => formatSingleDerivingPath(storeDir, one, separator)),
      ],
      dictionary: [separator, `${separator}*`, `${separator}out`, ',', '.drv', '*', path, '/nix/store/', '..', '.'],
      parse: input => parseDerivingPath(storeDir, bytes(input), separator),
      format: value => formatDerivingPath(storeDir, value, separator),
    }),
  ]),
  textTarget({
    name: 'single-deriving-path',
    seeds: () => samples(singleDerivingPaths).map(one => formatSingleDerivingPath(storeDir, one)),
    dictionary: ['^', '^out', '.drv', path],
    parse: input => parseSingleDerivingPath(storeDir, bytes(input)),
    format: value => formatSingleDerivingPath(storeDir, value),
  }),
  textTarget({
    name: 'path-with-outputs',
    seeds: () => [path, `${path}.drv`, `${path}.drv!out,dev`, `${path}!out`],
    dictionary: ['!', ',', 'out', '.drv', path],
    parse: input => parsePathWithOutputs(storeDir, bytes(input)),
  }),
  textTarget({
    name: 'outputs-spec',
    seeds: () => ['*', 'out', 'out,dev', 'bin,dev,out'],
    dictionary: ['*', ',', 'out', '.', '..', '-'],
    parse: input => parseOutputsSpec(bytes(input)),
    format: formatOutputsSpec,
  }),
  textTarget({
    name: 'extended-outputs-spec',
    seeds: () => ['nixpkgs#hello^*', 'x^out,dev', 'x'],
    dictionary: ['^', '*', ',', 'out', '#'],
    parse: input => splitOutputsSpec(bytes(input)),
  }),
  textTarget({
    name: 'output-id',
    seeds: () => samples(realisations).map(({ id }) => formatOutputId(id)),
    dictionary: ['!', 'sha256:', 'sha512:', 'out', 'sha256-', '!!'],
    parse: input => parseOutputId(bytes(input)),
    format: formatOutputId,
  }),
];
