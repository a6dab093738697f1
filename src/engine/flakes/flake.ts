import type { ByteString } from '../../base/index.ts';
import type { FetchedTree, FlakeRef, InputAttributes } from '../../eval/index.ts';
import type { InputPath } from './input-path.ts';

/** What `flake.nix` says of a flake, and where that was found. */
export interface Flake {
  /** As it was asked for. */
  readonly original: FlakeRef;
  /** What registries made of that. */
  readonly resolved: FlakeRef;
  /** With all that is known once it is fetched. */
  readonly locked: FlakeRef;
  /** Its `flake.nix`, in the store. */
  readonly path: ByteString;
  /** What messages call that file: where it was read from. */
  readonly shown: string;
  /** What stands for its tree where no revision does. */
  readonly treeFingerprint: FetchedTree['fingerprint'];
  readonly description: string | undefined;
  readonly inputs: FlakeInputs;
  /** What is to be fetched with the flake itself. */
  readonly selfAttributes: InputAttributes;
  /** The settings of `nixConfig`. */
  readonly config: ReadonlyMap<string, ConfigValue>;
}

export type ConfigValue = string | bigint | boolean | readonly string[];

/** By name, in order. */
export type FlakeInputs = ReadonlyMap<string, FlakeInput>;

export interface FlakeInput {
  /** Undefined where it follows another, or is what registries have of its name. */
  readonly reference: FlakeRef | undefined;
  readonly isFlake: boolean;
  /** The input that it is the same as, by its path from the flake that is locked. */
  readonly follows: InputPath | undefined;
  /** In place of what the input says of its own inputs. */
  readonly overrides: FlakeInputs;
}

export const noInputs: FlakeInputs = new Map();
