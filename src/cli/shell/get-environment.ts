import { type ByteString, brandAs, byteStringFromLatin1, byteStringFromText, byteStringOf } from '../../base/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type DerivationOutput,
  type JsonValue,
  type OutputName,
  type StorePath,
  allOutputs,
  fillOutputPaths,
  makeDerivationFile,
  opaquePath,
  parseJson,
  printStorePath,
} from '../../nix-compat/index.ts';
import {
  type Store,
  addDerivation,
  addText,
  derivationOutputs,
  readDerivation,
  readInputDerivations,
} from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openRealising } from '../installables/realising.ts';
import { type BuildEnvironment, buildEnvironmentFromJson } from './build-environment.ts';
import { environmentScript } from './environment-script.ts';

export interface EnvironmentStores {
  readonly store: Store;
  readonly evalStore: Store;
}

/**
 * Builds what a derivation's environment is once stdenv's set-up has run: by a derivation with the same inputs and
 * variables, whose builder writes them down. Returns where. Throws `shell/no-environment`, and what building throws.
 */
export async function buildDerivationEnvironment(
  { store, evalStore }: EnvironmentStores,
  path: StorePath,
  context: CommandContext,
): Promise<StorePath> {
  const { signal } = context;
  const derivation = await readDerivation(evalStore, path, { signal });
  if (!/(^|\/)bash$/.test(derivation.builder)) {
    const message = "'nix develop' only works on derivations that use 'bash' as their builder";
    throw new CliError('shell/no-environment', message);
  }
  const script = await addText(evalStore, { name: 'get-env.sh', text: environmentScript() }, { signal });
  const wanted = environmentDerivation(evalStore, derivation, script.path);
  const inputs = await readInputDerivations(evalStore, wanted, { signal });
  const filled = fillOutputPaths(wanted, new DerivationHasher(evalStore.storeDir, input => inputs.get(input)));
  const file = makeDerivationFile(evalStore.storeDir, filled);
  await addDerivation(evalStore, file, { signal });
  await using realising = await openRealising(store, context, { evalStore });
  await realising.realise([{ kind: 'built', derivation: opaquePath(file.path), outputs: allOutputs }]);
  for (const output of (await derivationOutputs(store, file.path, { evalStore })).values()) {
    if (output === undefined) continue;
    const entry = await (await store.openTree(output)).lookup([]);
    if (entry?.type === 'regular' && entry.size > 0) return output;
  }
  throw new CliError('shell/no-environment', 'get-env.sh failed to produce an environment');
}

/** The same build, but for its end; none of its outputs is checked. */
function environmentDerivation({ storeDir }: Store, derivation: Derivation, script: StorePath): Derivation {
  const name = byteStringFromLatin1(`${derivation.name}-env`);
  const env = new Map(derivation.env);
  let structured: Map<ByteString, JsonValue> | undefined;
  if (derivation.structuredAttrs === undefined) for (const check of outputChecks) env.delete(byteStringFromText(check));
  else {
    structured = new Map(derivation.structuredAttrs);
    structured.delete(byteStringFromText('outputChecks'));
  }
  env.set(byteStringFromText('name'), name);
  const outputs = new Map<OutputName, DerivationOutput>();
  for (const [output, of] of derivation.outputs) {
    const isKnown = of.kind === 'input-addressed' || of.kind === 'fixed';
    outputs.set(output, isKnown ? { kind: 'deferred' } : of);
    if (isKnown) env.set(output, byteStringFromText(''));
  }
  return {
    ...derivation,
    name,
    args: [printStorePath(storeDir, script)],
    env: new Map([...env].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    outputs,
    inputSources: [...new Set([...derivation.inputSources, script])].toSorted(),
    ...(structured === undefined ? {} : { structuredAttrs: structured }),
  };
}

const outputChecks = ['allowedReferences', 'allowedRequisites', 'disallowedReferences', 'disallowedRequisites'];

/** Reads what `buildDerivationEnvironment` has built. Throws `shell/no-environment`. */
export async function readBuildEnvironment(store: Store, path: StorePath): Promise<BuildEnvironment> {
  const tree = await store.openTree(path);
  let text = '';
  for await (const chunk of tree.read([])) text += byteStringOf(chunk);
  return buildEnvironmentFromJson(parseJson(brandAs<ByteString>(text)));
}
