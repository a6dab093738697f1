import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { displayBytes, textOf } from '../../base/index.ts';
import { type BlobBatch, type Digest, type HeldBlobs, type Node, importTree } from '../../castore/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import { ActionSchema, CommandSchema } from '../../proto/index.ts';
import { messageOfDigest } from '../../reapi/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { BuilderProcess } from '../build/derivation-actions.ts';
import { BuildError } from '../error.ts';
import { TreeOfPaths } from './tree-of-paths.ts';

export interface DerivationActionOptions {
  readonly batch: BlobBatch;
  /** Adds a file of this machine's; to the batch unless given. */
  readonly addFile?: ((path: string) => Promise<Node>) | undefined;
  /** By which the builder speaks with us, if it does: what it leaves is no function of its inputs then. */
  readonly channel?: string | undefined;
}

export interface DerivationAction {
  readonly digest: Digest;
  /** What it is made of beside store paths. */
  readonly held: HeldBlobs;
}

/**
 * Adds the `Action` that a builder is, whose digest is the same wherever the same builder gets the same inputs: its input
 * root is the builder's whole file system, with the store paths that it may read as the trees that they are. Throws `BuildError`
 * for one that REAPI cannot say: its strings are UTF-8.
 */
export async function makeDerivationAction(
  store: LocalStore,
  builder: BuilderProcess,
  options: DerivationActionOptions,
): Promise<DerivationAction> {
  const { batch, channel } = options;
  const command = commandOf(store, builder);
  if (command === undefined) {
    const message = 'its builder has arguments or variables that are no UTF-8, as actions need it';
    throw new BuildError('InputRejected', message);
  }
  const inputRoot = await addInputRoot(store, builder, options);
  const commandDigest = await batch.put(toBinary(CommandSchema, command));
  const { timeout } = builder;
  const action = create(ActionSchema, {
    commandDigest: messageOfDigest({ function: 'sha256', ...commandDigest }),
    inputRootDigest: messageOfDigest({ function: 'sha256', ...inputRoot }),
    ...(timeout === undefined ? {} : { timeout: durationFromMs(timeout) }),
    doNotCache: channel !== undefined,
    platform: {
      properties: [
        { name: 'network', value: 'private' },
        ...(channel === undefined ? [] : [{ name: 'nix-channel', value: channel }]),
        { name: 'root-filesystem', value: 'input-root' },
      ],
    },
  });
  const digest = await batch.put(toBinary(ActionSchema, action));
  const held = { blobs: [digest, commandDigest], directories: [inputRoot], size: 0 };
  return { digest, held };
}

function commandOf({ storeDir }: LocalStore, builder: BuilderProcess) {
  const { program, argv, environment, folderInside, outputs } = builder;
  // The name by which a program is called, REAPI has for the program itself.
  const texts = [program, ...argv.slice(1), ...environment.keys(), ...environment.values()].map(textOf);
  if (texts.includes(undefined)) return undefined;
  const variables = Array.from(environment, ([name, value]) => ({
    name: textOf(name) ?? '',
    value: textOf(value) ?? '',
  }));
  const up = folderInside.split('/').filter(name => name !== '');
  return create(CommandSchema, {
    arguments: [program, ...argv.slice(1)].map(argument => textOf(argument) ?? ''),
    environmentVariables: variables.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    workingDirectory: up.join('/'),
    outputPaths: Array.from(outputs.keys(), path =>
      outputName(folderInside, displayBytes(printStorePath(storeDir, path))),
    ).toSorted(),
  });
}

/** An absolute path as seen from the working folder. */
export function outputName(folderInside: string, path: string): string {
  const depth = folderInside.split('/').filter(name => name !== '').length;
  return '../'.repeat(depth) + path.slice(1);
}

async function addInputRoot(store: LocalStore, builder: BuilderProcess, options: DerivationActionOptions) {
  const { batch } = options;
  const { addFile = (path: string) => importTree(path, batch, { signal: builder.signal }) } = options;
  const tree = new TreeOfPaths();
  tree.put(builder.folderInside, await importTree(builder.folder, batch, { signal: builder.signal }));
  for (const [place, file] of builder.files) tree.put(place, await addFile(file));
  for (const path of builder.inputs) {
    tree.put(displayBytes(printStorePath(store.storeDir, path)), await store.rootOf(path, { signal: builder.signal }));
  }
  return tree.addTo(batch);
}
