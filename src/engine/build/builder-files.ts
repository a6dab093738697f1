import { type ByteString, brandAs, bytesOf } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivationOptions,
  type JsonObject,
  type JsonValue,
  type PathInfo,
  type StorePath,
  closureToJson,
  encodeNix32,
  formatJson,
  formatRegistrations,
  hashBytes,
  isDerivationPath,
  outputPlaceholder,
  printStorePath,
  structuredAttrsToShell,
} from '../../nix-compat/index.ts';
import { type Store, computeClosure, readDerivation, staticOutputs } from '../../store/index.ts';
import { BuildError } from '../error.ts';

/** What of a derivation its builder gets, in the variables of its environment and in files of its folder. */
export interface BuilderFiles {
  readonly variables: ReadonlyMap<ByteString, BuilderVariable>;
  /** Contents, by name. */
  readonly files: ReadonlyMap<ByteString, ByteString>;
}

/** A text, or the path of a file of the folder. */
export type BuilderVariable =
  | { readonly kind: 'text'; readonly text: ByteString }
  | { readonly kind: 'file'; readonly name: ByteString };

/**
 * Of structured attributes, `passAsFile` and `exportReferencesGraph`. `inputs` is the closure of the inputs. Throws
 * `BuildError` where the description of something is wanted that is no input.
 */
export async function makeBuilderFiles(
  store: Store,
  { derivation, options, inputs }: BuilderFilesRequest,
): Promise<BuilderFiles> {
  const variables = new Map<ByteString, BuilderVariable>();
  const files = new Map<ByteString, ByteString>();
  const passFile = (variable: ByteString, name: ByteString, contents: ByteString) => {
    variables.set(variable, { kind: 'file', name });
    files.set(name, contents);
  };
  const { structuredAttrs } = derivation;
  if (structuredAttrs !== undefined) {
    const attributes = new Map<ByteString, JsonValue>(structuredAttrs);
    const placeholders = Array.from(derivation.outputs.keys(), name => [name, outputPlaceholder(name)] as const);
    attributes.set(bytes('outputs'), new Map(placeholders));
    for (const [name, paths] of options.exportReferencesGraph) {
      const closure = await exportReferences(store, paths, inputs);
      attributes.set(name, closureToJson(store.storeDir, closure.values()));
    }
    const json: JsonObject = attributes;
    passFile(bytes('NIX_ATTRS_SH_FILE'), bytes('.attrs.sh'), structuredAttrsToShell(json));
    passFile(bytes('NIX_ATTRS_JSON_FILE'), bytes('.attrs.json'), formatJson(json));
    return { variables, files };
  }
  for (const [name, text] of derivation.env) {
    if (!options.passAsFile.has(name)) variables.set(name, { kind: 'text', text });
    else passFile(bytes(`${name}Path`), bytes(`.attr-${encodeNix32(hashBytes('sha256', bytesOf(name)).digest)}`), text);
  }
  for (const [fileName, paths] of options.exportReferencesGraph) {
    const closure = await exportReferences(store, paths, inputs);
    files.set(
      fileName,
      formatRegistrations(
        store.storeDir,
        Array.from(closure.values(), ({ path, references }) => ({ path, references })),
      ),
    );
  }
  return { variables, files };
}

export interface BuilderFilesRequest {
  readonly derivation: BasicDerivation;
  readonly options: DerivationOptions<StorePath>;
  readonly inputs: ReadonlySet<StorePath>;
}

function bytes(latin1: string): ByteString {
  return brandAs<ByteString>(latin1);
}

/** The closure of `paths`, and of the outputs of the derivations in it. */
async function exportReferences(
  store: Store,
  paths: readonly StorePath[],
  inputs: ReadonlySet<StorePath>,
): Promise<Map<StorePath, PathInfo>> {
  for (const path of paths) {
    if (inputs.has(path)) continue;
    const message = `cannot export references of path '${printStorePath(store.storeDir, path)}' because it is not in the input closure of the derivation`;
    throw new BuildError('InputRejected', message);
  }
  const closure = await computeClosure(store, paths);
  const outputs: StorePath[] = [];
  for (const path of closure.keys()) {
    if (!isDerivationPath(path)) continue;
    for (const output of staticOutputs(store, await readDerivation(store, path)).values()) {
      if (output !== undefined) outputs.push(output);
      else throw new BuildError('InputRejected', 'exportReferences on CA derivations is not yet implemented');
    }
  }
  for (const [path, info] of await computeClosure(store, outputs)) closure.set(path, info);
  return closure;
}
