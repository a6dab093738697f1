import { type Reporter, byteStringOf } from '../../base/index.ts';
import { type StoreDir, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { LineSplitter } from './line-splitter.ts';
import { runHook } from './run-hook.ts';

export interface PostBuildHook {
  readonly program: string;
  readonly storeDir: StoreDir;
  readonly derivation: StorePath;
  readonly outputs: Iterable<StorePath>;
  /** The environment that it gets besides, and all settings as `nix.conf` has them. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly config: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Runs what is to be run after each build, such as an upload of what it made. Throws as `runHook`. */
export async function runPostBuildHook(hook: PostBuildHook): Promise<void> {
  const { program, storeDir, reporter, signal, variables, config } = hook;
  const derivation = printStorePath(storeDir, hook.derivation);
  using activity = reporter.startActivity({
    type: 'postBuildHook',
    level: 'talkative',
    text: `running post-build-hook '${program}'`,
    fields: [derivation],
  });
  const lines = new LineSplitter(line => activity.result({ type: 'postBuildLogLine', line: byteStringOf(line) }));
  const outputs = [...new Set(hook.outputs)].toSorted().map(path => printStorePath(storeDir, path));
  try {
    await runHook({
      program,
      args: [],
      // What is set already stays, as in C++ Nix.
      variables: { DRV_PATH: derivation, OUT_PATHS: outputs.join(' '), NIX_CONFIG: config, ...variables },
      mergesErrors: true,
      output: chunk => lines.write(chunk),
      signal,
    });
  } finally {
    lines.finish();
  }
}
