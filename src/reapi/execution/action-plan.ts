import { type ByteString, byteStringFromText } from '../../base/index.ts';
import type { DigestFunction, ForeignDigest } from '../../castore/index.ts';
import { type Action, type Command, Command_OutputDirectoryFormat } from '../../proto/index.ts';
import { digestOfMessage } from '../digests/digest-message.ts';
import { ReapiError } from '../error.ts';
import { type PlatformProperties, hasOwnRoot, platformProperties } from './platform.ts';
import { channelNameOf } from './action-channels.ts';
import { type StoreWants, storeWantsOf } from './store-wants.ts';
import { type WantedResources, wantedResources } from './wanted-resources.ts';
import { type InnerPath, innerPath, joinInner } from './inner-path.ts';

/** An `Action` and its `Command`, checked: what to run, and what of it is wanted. */
export interface ActionPlan {
  /** Of the digests in it, and of those that its result is to have. */
  readonly digestFunction: DigestFunction;
  readonly inputRoot: ForeignDigest;
  /** UTF-8. */
  readonly argv: readonly [ByteString, ...ByteString[]];
  readonly environment: ReadonlyMap<ByteString, ByteString>;
  /** Below the input root. */
  readonly workingFolder: InnerPath;
  readonly outputs: WantedOutputs;
  readonly platform: PlatformProperties;
  /** What of a store it names; undefined for nothing. */
  readonly store: StoreWants | undefined;
  /** By which it speaks with whoever has it executed, if it does. */
  readonly channel: string | undefined;
  /** Whether what symlinks of the input root lead to in the store is shown without being named. */
  readonly followsLinks: boolean;
  /** What it may take, as it says itself. */
  readonly wanted: WantedResources;
  /** In milliseconds; undefined where the client leaves it to us. */
  readonly timeout: number | undefined;
  readonly doNotCache: boolean;
}

export interface WantedOutputs {
  /** `paths`: whatever is there, for clients since 2.1; `files` and `directories`: as older ones name them. */
  readonly wanted: readonly WantedOutput[];
  /** Whether the client reads `output_symlinks`, or the two lists of older versions. */
  readonly isModern: boolean;
  readonly asTree: boolean;
  readonly asDirectory: boolean;
  /** Fields of `NodeProperties` that the client wants of files. */
  readonly properties: ReadonlySet<'mtime' | 'unix_mode'>;
}

export interface WantedOutput {
  /** As the client wrote it, relative to the working folder. */
  readonly name: string;
  /** Below the input root. */
  readonly path: InnerPath;
  readonly kind: 'any' | 'file' | 'directory';
}

/** Outputs beyond which an action is refused. */
const maxOutputs = 100_000;

/** In seconds; protobuf's largest. Beyond it a `Duration` is none. */
const maxSeconds = 315_576_000_000n;

/** Throws `digest/malformed` and `action/malformed`. */
export function planAction(action: Action, command: Command, digestFunction: DigestFunction): ActionPlan {
  const [program, ...rest] = command.arguments;
  if (program === undefined || program === '') throw malformed('the command has no arguments');
  for (const argument of command.arguments) refuseNul(argument, 'an argument');
  const workingFolder = innerPath(command.workingDirectory, 'the working directory');
  const platform = platformProperties(action.platform ?? command.platform);
  return {
    digestFunction,
    inputRoot: digestOfMessage(action.inputRootDigest, digestFunction, 'the digest of the input root'),
    argv: [byteStringFromText(program), ...rest.map(byteStringFromText)],
    environment: environmentOf(command),
    workingFolder,
    outputs: outputsOf(command, workingFolder),
    platform,
    store: storeWantsOf(platform),
    channel: channelNameOf(platform),
    // A root of its own has the store that its links lead to.
    followsLinks: !hasOwnRoot(platform),
    wanted: wantedResources(platform),
    timeout: timeoutOf(action),
    doNotCache: action.doNotCache,
  };
}

function environmentOf({ environmentVariables }: Command): Map<ByteString, ByteString> {
  const environment = new Map<ByteString, ByteString>();
  for (const { name, value } of environmentVariables) {
    refuseNul(name, 'the name of a variable');
    refuseNul(value, `the variable '${name}'`);
    if (name === '' || name.includes('=')) throw malformed(`'${name}' is no name of a variable`);
    environment.set(byteStringFromText(name), byteStringFromText(value));
  }
  return environment;
}

function outputsOf(command: Command, workingFolder: InnerPath): WantedOutputs {
  const { outputPaths, outputFiles, outputDirectories, outputDirectoryFormat: format } = command;
  const isModern = outputPaths.length > 0;
  const wanted = (names: readonly string[], kind: WantedOutput['kind']) =>
    names.map(name => {
      const path = joinInner(workingFolder, name, 'an output path');
      if (path === '' && kind === 'file') throw malformed('the root is wanted as an output file');
      return { name, path, kind };
    });
  const all = isModern
    ? wanted(outputPaths, 'any')
    : [...wanted(outputFiles, 'file'), ...wanted(outputDirectories, 'directory')];
  if (all.length > maxOutputs) throw malformed(`${all.length} outputs are wanted, and at most ${maxOutputs} are given`);
  const asDirectory =
    format === Command_OutputDirectoryFormat.DIRECTORY_ONLY ||
    format === Command_OutputDirectoryFormat.TREE_AND_DIRECTORY;
  return {
    wanted: withoutDoubles(all),
    isModern,
    asTree: format !== Command_OutputDirectoryFormat.DIRECTORY_ONLY,
    asDirectory,
    properties: new Set(command.outputNodeProperties.map(propertyOf)),
  };
}

function withoutDoubles(outputs: readonly WantedOutput[]): WantedOutput[] {
  const byPath = new Map<string, WantedOutput>();
  for (const output of outputs) {
    const other = byPath.get(output.path);
    if (other !== undefined && other.kind !== output.kind)
      throw malformed(`the output '${output.name}' is wanted as a file and as a directory`);
    if (other === undefined) byPath.set(output.path, output);
  }
  return [...byPath.values()];
}

function propertyOf(name: string): 'mtime' | 'unix_mode' {
  if (name === 'mtime' || name === 'unix_mode') return name;
  throw malformed(`the node property '${name}' is not known: there are mtime and unix_mode`);
}

/** In milliseconds. */
function timeoutOf({ timeout }: Action): number | undefined {
  if (timeout === undefined) return undefined;
  const { seconds, nanos } = timeout;
  if (seconds < 0n || seconds > maxSeconds || nanos < 0 || nanos > 999_999_999)
    throw malformed('the timeout is no duration');
  return Number(seconds) * 1000 + Math.ceil(nanos / 1_000_000);
}

function refuseNul(text: string, what: string): void {
  if (text.includes('\0')) throw malformed(`${what} has a NUL`);
}

function malformed(message: string): ReapiError {
  return new ReapiError('action/malformed', message);
}
