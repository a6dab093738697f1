import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { derivationVectors, readDerivationVector } from '../../testing/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type NixCompatErrorCode,
  type OutputName,
  type StorePath,
  checkDerivation,
  checkOutputPaths,
  defaultStoreDir,
  derivationFromJson,
  derivationTypeOf,
  featuresOf,
  fillOutputPaths,
  formatOutputId,
  formatHash,
  hasContentAddressedOutputs,
  hasKnownOutputPaths,
  isSandboxed,
  outputPathsOf,
  parseJson,
  parseStorePath,
  realisationFromJson,
} from '../index.ts';

const out: OutputName = byteStringFromText('out');
const derivations = derivationVectors();
const hasher = new DerivationHasher(defaultStoreDir, path => derivations.get(path));

function named(name: string): Derivation {
  const found = [...derivations.values()].find(derivation => derivation.name === name);
  assert.ok(found, name);
  return found;
}

/** The derivation before its paths were known. */
function emptied(derivation: Derivation): Derivation {
  const outputs = Array.from(derivation.outputs, ([name, output]) =>
    output.kind === 'input-addressed' ? ([name, { kind: 'deferred' }] as const) : ([name, output] as const),
  );
  const env = new Map(derivation.env);
  for (const name of derivation.outputs.keys()) env.set(name, byteStringFromText(''));
  return { ...derivation, outputs: new Map(outputs), env };
}

/** A derivation without inputs, its single output and the variables as they are given. */
function json(output: unknown, env: Record<string, string>): Derivation {
  const fields = { version: 4, inputs: { srcs: [], drvs: {} }, system: 'x86_64-linux', builder: '/bin/sh', args: [] };
  const text = JSON.stringify({ ...fields, name: 'unit', outputs: { out: output }, env });
  return derivationFromJson(parseJson(byteStringFromText(text)));
}

const wrong = '00000000000000000000000000000000-wrong';

describe('output paths', () => {
  for (const [path, derivation] of derivations) {
    test(`${path} has the right ones`, () => {
      checkDerivation(derivation, path, hasher, warning => assert.fail(warning));
    });
  }

  for (const [path, derivation] of derivations) {
    if (!hasKnownOutputPaths(derivationTypeOf(derivation))) continue;
    test(`${path} gets them`, () => assert.deepEqual(fillOutputPaths(emptied(derivation), hasher), derivation));
  }

  test('are unknown where they depend on a build', () => {
    const unknown = [...derivations.values()].filter(found => !hasKnownOutputPaths(derivationTypeOf(found)));
    assert.equal(unknown.length, 12);
    for (const derivation of unknown) {
      assert.equal(outputPathsOf(derivation, hasher).size, 0);
      assert.deepEqual(fillOutputPaths(derivation, hasher), derivation);
    }
  });

  test('do not depend on how fixed outputs come about', () => {
    const changed = new Map<StorePath, Derivation>();
    for (const [path, derivation] of derivations) {
      const fixed = derivationTypeOf(derivation) === 'fixed';
      changed.set(path, fixed ? { ...derivation, builder: byteStringFromText('/bin/other') } : derivation);
    }
    const other = new DerivationHasher(defaultStoreDir, path => changed.get(path));
    assert.deepEqual(outputPathsOf(named('dependent'), other), outputPathsOf(named('dependent'), hasher));
  });

  const path = fillOutputPaths(json({}, { out: '' }), hasher).env.get(out) ?? '';
  const fixedPath = '/nix/store/3621z32fbn6g11j3mysq13i0a945r23a-unit';
  const fixedHash = 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
  const refused: readonly (readonly [derivation: Derivation, code: NixCompatErrorCode, message: string])[] = [
    [
      json({ path: wrong }, { out: path }),
      'derivation/wrong-output',
      `derivation has incorrect output '/nix/store/${wrong}', should be '${path}'`,
    ],
    [
      json({}, { out: 'x' }),
      'derivation/wrong-variable',
      `derivation has incorrect environment variable 'out', should be '${path}' but is actually 'x'`,
    ],
    [
      json({ method: 'nar', hash: fixedHash }, {}),
      'derivation/wrong-variable',
      `derivation has missing environment variable 'out', should be '${fixedPath}' but is not present`,
    ],
    [
      json({ method: 'nar', hash: fixedHash }, { out: 'x' }),
      'derivation/wrong-variable',
      `derivation has incorrect environment variable 'out', should be '${fixedPath}' but is actually 'x'`,
    ],
    [
      { ...named('deferred'), outputs: new Map([[out, { kind: 'input-addressed', path: parseStorePath(wrong) }]]) },
      'derivation/wrong-output',
      `derivation has incorrect output '/nix/store/${wrong}', should be deferred`,
    ],
  ];
  for (const [derivation, code, message] of refused) {
    test(`refuses: ${message}`, () => {
      assert.throws(() => checkOutputPaths(derivation, hasher), { code, message });
    });
  }

  test('leave the variable of an input-addressed output alone', () => {
    const derivation = json({ path: path.slice(11) }, { out: 'x' });
    checkOutputPaths(derivation, hasher);
    assert.deepEqual(fillOutputPaths(derivation, hasher), derivation);
  });

  test('a deferred output that need not be is warned of', () => {
    const warnings: string[] = [];
    checkOutputPaths(json({}, { out: path }), hasher, warning => warnings.push(warning));
    assert.deepEqual(warnings, [
      `derivation has incorrect deferred output, should be '${path}'.\n` +
        'This will be an error in future versions of Nix; compatibility of CA derivations will be broken.',
    ]);
  });

  test('a derivation under another name is refused, and the path named', () => {
    const other = parseStorePath('00000000000000000000000000000000-other.drv');
    assert.throws(() => checkDerivation(named('plain'), other, hasher), { code: 'derivation/wrong-name' });
    const unit = parseStorePath('00000000000000000000000000000000-unit.drv');
    assert.throws(() => checkDerivation(json({ path: wrong }, {}), unit, hasher), {
      code: 'derivation/wrong-output',
      message: /, while checking derivation '\/nix\/store\/0{32}-unit\.drv'$/,
    });
  });

  test('the longest name counts with the output', () => {
    const derivation = { ...json({}, {}), name: byteStringFromText('n'.repeat(212)) };
    assert.throws(() => fillOutputPaths(derivation, hasher), { code: 'store-path/bad-name' });
  });
});

describe('hashes modulo', () => {
  test('are those under which realisations were registered', () => {
    const hashes = new Set<string>();
    for (const derivation of derivations.values()) {
      for (const [output, hash] of hasher.hash(derivation, { maskOutputs: true }).hashes) {
        hashes.add(formatOutputId({ derivationHash: hash, output }));
      }
    }
    const lines = readDerivationVector('realisations.jsonl').trimEnd().split('\n');
    assert.equal(lines.length, 9);
    for (const line of lines) {
      const { id } = realisationFromJson(parseJson(byteStringFromText(line)));
      assert.ok(hashes.has(formatOutputId(id)), line);
    }
  });

  test('are memoised, and may be given', () => {
    let calls = 0;
    const counting = new DerivationHasher(defaultStoreDir, path => {
      calls++;
      return derivations.get(path);
    });
    for (const path of derivations.keys()) counting.hashOfPath(path);
    assert.equal(calls, derivations.size);
    const given = new DerivationHasher(defaultStoreDir, path => counting.hashOfPath(path));
    for (const path of derivations.keys()) assert.equal(given.hashOfPath(path), counting.hashOfPath(path));
  });

  test('need the inputs', () => {
    const lonely = new DerivationHasher(defaultStoreDir, () => undefined);
    const code = 'derivation/missing-input';
    assert.throws(() => lonely.hash(named('dependent'), { maskOutputs: false }), { code });
    lonely.hash(named('fixed-on-floating'), { maskOutputs: false });
  });

  test('need the outputs of the inputs', () => {
    const [input] = [...named('dependent').inputDerivations.keys()];
    assert.ok(input);
    const inputs = new Map([[input, { outputs: [byteStringFromText('none')], dynamic: new Map() }]]);
    const derivation = { ...named('dependent'), inputDerivations: inputs };
    assert.throws(() => hasher.hash(derivation, { maskOutputs: false }), {
      code: 'derivation/missing-input',
      message: /^no hash for output 'none' of derivation/,
    });
  });

  test('are refused to a derivation among its own inputs', () => {
    const self = parseStorePath('00000000000000000000000000000000-self.drv');
    const loop = { ...named('plain'), inputDerivations: new Map([[self, { outputs: [out], dynamic: new Map() }]]) };
    const looping = new DerivationHasher(defaultStoreDir, () => loop);
    assert.throws(() => looping.hashOfPath(self), { code: 'derivation/cycle' });
  });

  test('go along a chain of 20,000 derivations', () => {
    const chain = new Map<StorePath, Derivation>();
    const at = (i: number) => parseStorePath(`${String(i).padStart(32, '0')}-link.drv`);
    for (let i = 0; i < 20_000; i++) {
      const inputs = i === 0 ? [] : [[at(i - 1), { outputs: [out], dynamic: new Map() }] as const];
      chain.set(at(i), { ...named('plain'), inputDerivations: new Map(inputs) });
    }
    const { hashes } = new DerivationHasher(defaultStoreDir, path => chain.get(path)).hashOfPath(at(19_999));
    assert.equal(formatHash([...hashes.values()][0]!, 'base16').length, 64);
  });
});

describe('the type of a derivation', () => {
  const kinds: readonly (readonly [name: string, type: string, features: readonly string[]])[] = [
    ['plain', 'input-addressed', []],
    ['fixed-sha1', 'fixed', []],
    ['git-hashed', 'fixed', ['git-hashing']],
    ['floating-text', 'floating', ['dynamic-derivations', 'ca-derivations']],
    ['deferred-twice', 'deferred', []],
    ['impure', 'impure', ['impure-derivations']],
    ['dynamic-twice', 'deferred', ['dynamic-derivations']],
  ];
  for (const [name, type, features] of kinds) {
    test(`${name} is ${type}`, () => {
      const derivation = [...derivations.values()].find(
        found => found.name === name && derivationTypeOf(found) === type,
      );
      assert.ok(derivation);
      assert.deepEqual([...featuresOf(derivation)], features);
    });
  }

  test('decides what follows', () => {
    assert.equal(hasContentAddressedOutputs('fixed'), true);
    assert.equal(hasContentAddressedOutputs('deferred'), false);
    assert.equal(isSandboxed('fixed'), false);
    assert.equal(isSandboxed('floating'), true);
  });

  const path = { kind: 'input-addressed' as const, path: parseStorePath(wrong) };
  const fixed = [...named('fixed-sha1').outputs.values()][0]!;
  const floating = (algorithm: 'sha1' | 'sha256') => ({ kind: 'floating' as const, method: 'nar' as const, algorithm });
  const mixed = [
    [[], 'must have at least one output'],
    [
      [
        ['out', path],
        ['dev', { kind: 'deferred' as const }],
      ],
      "can't mix derivation output types",
    ],
    [
      [
        ['out', fixed],
        ['out2', fixed],
      ],
      'only one fixed output is allowed for now',
    ],
    [[['dev', fixed]], 'single fixed output must be named "out"'],
    [
      [
        ['out', floating('sha1')],
        ['dev', floating('sha256')],
      ],
      'all floating outputs must use the same hash algorithm',
    ],
  ] as const;
  for (const [outputs, complaint] of mixed) {
    test(`refuses: ${complaint}`, () => {
      const derivation = {
        ...named('plain'),
        outputs: new Map(outputs.map(([name, output]) => [byteStringFromText(name), output])),
      };
      const message = `derivation 'plain': ${complaint}`;
      assert.throws(() => derivationTypeOf(derivation), { code: 'derivation/mixed-outputs', message });
    });
  }
});
