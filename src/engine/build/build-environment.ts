import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivationOptions,
  type StoreDir,
  derivationTypeOf,
  isSandboxed,
} from '../../nix-compat/index.ts';
import { nestedModeOf } from '../nested/nested-mode.ts';
import type { BuildSettings } from './build-settings.ts';
import type { BuilderFiles } from './builder-files.ts';
import { type ScratchOutputs, rewriteText } from './scratch-outputs.ts';

export interface EnvironmentRequest {
  readonly derivation: BasicDerivation;
  readonly options: DerivationOptions<unknown>;
  readonly variables: BuilderFiles['variables'];
  readonly rewrites: ScratchOutputs['rewrites'];
  readonly storeDir: StoreDir;
  /** Where the builder sees its folder. */
  readonly folder: string;
  readonly settings: Pick<BuildSettings, 'cores' | 'impureEnv'>;
  /** Ours, of which builders with fixed outputs may ask for some. */
  readonly ownVariables: Readonly<Record<string, string | undefined>>;
}

/** No folder: what programs would read from a home differs from user to user. */
export const builderHome = '/homeless-shelter';

/** All variables of a builder, as Nix's manual lists them ("Builder Execution"). */
export function makeBuildEnvironment(request: EnvironmentRequest): Map<ByteString, ByteString> {
  const { derivation, options, storeDir, settings } = request;
  const folder = byteStringFromText(request.folder);
  const type = derivationTypeOf(derivation);
  const environment = new Map<ByteString, ByteString>();
  const set = (name: string, value: string) => environment.set(brandAs<ByteString>(name), brandAs<ByteString>(value));
  // Shells would put folders of the machine's in its place if there were none.
  set('PATH', '/path-not-set');
  set('HOME', builderHome);
  set('NIX_STORE', storeDir);
  set('NIX_BUILD_CORES', String(settings.cores));
  for (const [name, variable] of request.variables) {
    set(name, variable.kind === 'text' ? variable.text : `${folder}/${variable.name}`);
  }
  for (const name of ['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP', 'PWD']) set(name, folder);
  // By this fetchers know that they need not check what they fetch.
  if (type === 'fixed') set('NIX_OUTPUT_CHECKED', '1');
  if (!isSandboxed(type)) {
    for (const name of options.impureEnvVars) {
      const text = displayBytes(name);
      set(name, byteStringFromText(settings.impureEnv.get(text) ?? request.ownVariables[text] ?? ''));
    }
  }
  // Who adds outputs to the store has no places for them: C++ Nix from 2.35 on leaves them out of the derivation itself.
  if (nestedModeOf(options) === 'submit') for (const name of derivation.outputs.keys()) environment.delete(name);
  set('NIX_LOG_FD', '2');
  // Programs that colour what they write do so.
  set('TERM', 'xterm-256color');
  return rewriteAll(environment, request.rewrites);
}

/** Names, too, as C++ Nix does it. */
function rewriteAll(
  environment: ReadonlyMap<ByteString, ByteString>,
  rewrites: ScratchOutputs['rewrites'],
): Map<ByteString, ByteString> {
  const rewritten = new Map<ByteString, ByteString>();
  for (const [name, value] of environment) rewritten.set(rewriteText(name, rewrites), rewriteText(value, rewrites));
  return rewritten;
}
