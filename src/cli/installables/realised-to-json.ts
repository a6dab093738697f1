import {
  type DerivingPath,
  type JsonObject,
  type JsonValue,
  type SingleDerivingPath,
  type StoreDir,
  type StorePath,
  hasOutput,
  jsonObject,
  printStorePath,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import { type DerivationOutputs, type Store, derivationOutputs } from '../../store/index.ts';
import type { Realised } from './realise-installables.ts';

/** As `nix build --json` prints a result: a path, or a derivation with its outputs and what building it took. */
export function realisedToJson(storeDir: StoreDir, realised: Realised): JsonValue {
  if (realised.kind === 'path') return printStorePath(storeDir, realised.path);
  const { startTime, stopTime, cpuUser, cpuSystem } = realised.result;
  const outputs = Array.from(realised.outputs, ([name, path]) => [name, printStorePath(storeDir, path)] as const);
  let derivation: JsonValue = printStorePath(storeDir, realised.base);
  for (const { output, path } of realised.chain) {
    derivation = jsonObject({ drvPath: derivation, output, outputPath: printStorePath(storeDir, path) });
  }
  return jsonObject({
    drvPath: derivation,
    outputs: new Map(outputs),
    startTime: startTime === 0 ? undefined : BigInt(startTime),
    stopTime: stopTime === 0 ? undefined : BigInt(stopTime),
    cpuUser: cpuUser === undefined ? undefined : Number(cpuUser) / 1e6,
    cpuSystem: cpuSystem === undefined ? undefined : Number(cpuSystem) / 1e6,
  });
}

/** Where outputs are, and where derivations are. */
interface Stores {
  readonly store: Store;
  readonly evalStore: Store;
}

/** As `realisedToJson`, of what is not realised: outputs whose store paths nobody knows are null. */
export async function wantedToJson(stores: Stores, wanted: readonly DerivingPath[]): Promise<JsonValue> {
  const json: JsonValue[] = [];
  const { storeDir } = stores.store;
  for (const path of wanted) {
    if (path.kind === 'opaque') {
      json.push(printStorePath(storeDir, path.path));
      continue;
    }
    const { json: derivation, path: known } = await singleToJson(stores, path.derivation);
    const outputs = new Map(
      [...(await outputsOf(stores, known))]
        .filter(([name]) => hasOutput(path.outputs, name))
        .map(([name, to]) => [name, to === undefined ? null : printStorePath(storeDir, to)] as const),
    );
    json.push(jsonObject({ drvPath: derivation, outputs: outputs.size === 0 ? undefined : outputs }));
  }
  return json;
}

interface SingleJson {
  readonly json: JsonValue;
  /** Undefined where nobody knows it. */
  readonly path: StorePath | undefined;
}

async function singleToJson(stores: Stores, single: SingleDerivingPath): Promise<SingleJson> {
  const { base, outputs } = unrollDerivingPath(single);
  const { storeDir } = stores.store;
  let at: SingleJson = { json: printStorePath(storeDir, base), path: base };
  for (const output of outputs) {
    const path = (await outputsOf(stores, at.path)).get(output);
    const outputPath = path === undefined ? null : printStorePath(storeDir, path);
    const json: JsonObject = jsonObject({ drvPath: at.json, output, outputPath });
    at = { json, path };
  }
  return at;
}

async function outputsOf({ store, evalStore }: Stores, path: StorePath | undefined): Promise<DerivationOutputs> {
  return path === undefined ? new Map() : derivationOutputs(store, path, { evalStore });
}
