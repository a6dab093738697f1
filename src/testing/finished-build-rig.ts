import { join } from 'node:path';
import { byteStringFromText } from '../base/index.ts';
import type { FinishedBuild, LeftOutput } from '../engine/index.ts';
import {
  type BuildMode,
  type ContentAddressKind,
  type DerivationOptions,
  type DerivationOutput,
  type OutputChecks,
  type OutputName,
  type StorePath,
  hashBytes,
} from '../nix-compat/index.ts';
import { testPath } from './memory-store.ts';

/** What no derivation asks for by itself. */
export const noChecks: OutputChecks<StorePath> = {
  ignoreSelfReferences: false,
  disallowedReferences: [],
  disallowedRequisites: [],
};

const noOptions: DerivationOptions<StorePath> = {
  outputChecks: { kind: 'for-all-outputs', checks: noChecks },
  unsafeDiscardReferences: new Map(),
  passAsFile: new Set(),
  exportReferencesGraph: new Map(),
  additionalSandboxProfile: byteStringFromText(''),
  noChroot: false,
  impureHostDeps: new Set(),
  impureEnvVars: new Set(),
  allowLocalNetworking: false,
  requiredSystemFeatures: new Set(),
  preferLocalBuild: false,
  allowSubstitutes: true,
};

export interface TestOutput {
  /** Input-addressed, as `testPath(<build's name>-<output>)`, unless given. */
  readonly output?: DerivationOutput;
  /** The path of an input-addressed output unless given. */
  readonly scratch?: StorePath;
  readonly valid?: StorePath;
}

export interface TestBuild {
  /** `test` unless given. */
  readonly name?: string;
  readonly outputs: Readonly<Record<string, TestOutput>>;
  readonly mode?: BuildMode;
  readonly inputs?: Iterable<StorePath>;
  readonly options?: Partial<DerivationOptions<StorePath>>;
}

/** A build that has ended and whose outputs are, or should be, in `folder` under their names. */
export function finishTestBuild(folder: string, build: TestBuild): FinishedBuild {
  const { name = 'test', mode = 'normal', inputs = [], options = {} } = build;
  const outputs = new Map<OutputName, DerivationOutput>();
  const left = new Map<OutputName, LeftOutput>();
  for (const [text, { output, scratch, valid }] of Object.entries(build.outputs)) {
    const outputName = byteStringFromText(text);
    const path = testPath(`${name}-${text}`);
    outputs.set(outputName, output ?? { kind: 'input-addressed', path });
    const derivationHash = hashBytes('sha256', Buffer.from(name));
    const id = { derivationHash, output: outputName };
    left.set(outputName, { scratch: scratch ?? path, at: join(folder, text), id, valid });
  }
  return {
    path: testPath(`${name}.drv`),
    derivation: {
      name: byteStringFromText(name),
      outputs,
      inputSources: [],
      platform: byteStringFromText('test'),
      builder: byteStringFromText('/bin/sh'),
      args: [],
      env: new Map(),
    },
    options: { ...noOptions, ...options },
    mode,
    outputs: left,
    inputs: new Set(inputs),
  };
}

/** Of a content-addressed output. */
export function floating(kind: Partial<ContentAddressKind> = {}): DerivationOutput {
  return { kind: 'floating', method: 'nar', algorithm: 'sha256', ...kind };
}
