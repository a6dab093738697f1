import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText, byteStringOf, bytesOf, displayBytes } from '../../base/index.ts';
import {
  type BasicDerivation,
  type ExternalBuilder,
  type JsonValue,
  formatJson,
  jsonObject,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { BuildContext } from './build-context.ts';
import type { BuildSettings } from './build-settings.ts';
import type { PreparedBuild } from './run-builder.ts';
import { rewriteText } from './scratch-outputs.ts';

/** Where builders that such programs run are told that their folder is. */
export const externalBuildDir = '/build';

/** The program that runs builders of the derivation's system, if the settings name one. */
export function findExternalBuilder(
  { platform }: BasicDerivation,
  { externalBuilders }: Pick<BuildSettings, 'externalBuilders'>,
): ExternalBuilder | undefined {
  return externalBuilders.find(({ systems }) => systems.includes(displayBytes(platform)));
}

/**
 * Writes down for an external builder what it is to run, as C++ Nix does ("external-builders" in Nix's manual), and returns
 * the file's path. `top` is the folder that the build's folder is in.
 */
export function writeBuildDescription({ store }: BuildContext, prepared: PreparedBuild, top: string): string {
  const { request, environment, rewrites, realFolder, scratch } = prepared;
  const { derivation } = request.job;
  const text = byteStringFromText;
  const print = (path: Parameters<typeof printStorePath>[1]) => printStorePath(store.storeDir, path);
  const description: JsonValue = jsonObject({
    version: 1n,
    builder: derivation.builder,
    args: derivation.args.map(argument => rewriteText(argument, rewrites)),
    env: environment,
    topTmpDir: text(top),
    tmpDir: text(realFolder),
    tmpDirInSandbox: text(externalBuildDir),
    storeDir: text(store.storeDir),
    realStoreDir: text(store.realStoreDir),
    system: derivation.platform,
    inputPaths: [...request.inputs].toSorted((a, b) => (a < b ? -1 : 1)).map(print),
    outputs: new Map(Array.from(scratch, ([name, path]) => [name, print(path)] as const)),
  });
  const file = join(top, 'build.json');
  writeFileSync(file, bytesOf(formatJson(description)), { flag: 'wx' });
  return file;
}

/** Bytes that are heard of a program that does not say that it is ready. */
const maxPreamble = 1024 * 1024;

/** Keeps back what a program writes before it says, by a line that begins with the byte 2, that the builder begins. */
export class ReadinessFilter {
  readonly #output: (chunk: Uint8Array) => void;
  #held = Buffer.alloc(0);
  readonly messages: string[] = [];
  isReady = false;

  constructor(output: (chunk: Uint8Array) => void) {
    this.#output = output;
  }

  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void {
    if (this.isReady) return this.#output(chunk);
    this.#held = Buffer.concat([this.#held, chunk]).subarray(0, maxPreamble);
    for (let end = this.#held.indexOf(10); end >= 0; end = this.#held.indexOf(10)) {
      const line = this.#held.subarray(0, end);
      this.#held = this.#held.subarray(end + 1);
      this.isReady = line[0] === 2;
      if (this.isReady) break;
      this.messages.push(displayBytes(byteStringOf(line)));
    }
    if (this.isReady && this.#held.byteLength > 0) this.#output(this.#held);
  }
}
