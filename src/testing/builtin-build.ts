import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Reporter, byteStringFromText, silentReporter } from '../base/index.ts';
import { type BuiltinBuild, Mirrors, type MirrorsOptions, StoreView } from '../engine/index.ts';
import { type DerivationOutput, type NixHash, defaultStoreDir, hashBytes } from '../nix-compat/index.ts';
import { testStoreContext } from './store-context.ts';

export interface TestBuildOptions {
  /** Where outputs (by their names) and the store's files (in `store`) are. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the file that output `out` must be; a hash of nothing unless given. */
  readonly hash?: NixHash;
  readonly output?: DerivationOutput;
  readonly settings?: Readonly<Record<string, string>>;
  readonly mirrors?: Partial<MirrorsOptions>;
  readonly reporter?: Reporter;
}

/** A run of a `builtin:` builder whose output `out` is `FOLDER/out`, and whose machine has no clients for mirrors. */
export function testBuiltinBuild(builder: string, options: TestBuildOptions): BuiltinBuild {
  const { folder, env, reporter = silentReporter, mirrors = {} } = options;
  const output = options.output ?? {
    kind: 'fixed',
    address: { method: 'flat', hash: options.hash ?? hashBytes('sha256', new Uint8Array()) },
  };
  const text = byteStringFromText;
  const temporaryFolder = join(folder, 'temporary');
  mkdirSync(temporaryFolder, { recursive: true });
  mkdirSync(join(folder, 'store'), { recursive: true });
  return {
    derivation: {
      name: text('test'),
      outputs: new Map([[text('out'), output]]),
      inputSources: [],
      platform: text('builtin'),
      builder: text(builder),
      args: [],
      env: new Map(Object.entries(env).map(([name, value]) => [text(name), text(value)])),
    },
    outputs: new Map([[text('out'), join(folder, 'out')]]),
    view: new StoreView(defaultStoreDir, join(folder, 'store')),
    temporaryFolder,
    services: {
      settings: testStoreContext({ settings: { 'download-attempts': '1', ...options.settings } }).settings,
      mirrors: new Mirrors({ variables: {}, home: folder, workingFolder: folder, ...mirrors }),
    },
    reporter,
    signal: new AbortController().signal,
  };
}
