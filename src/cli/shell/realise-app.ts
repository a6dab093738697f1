import { type ByteString, brandAs, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import {
  builtPath,
  derivationNameOf,
  parsePackageName,
  formatPlaceholder,
  opaquePath,
  placeholderOf,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { type Realised, realiseInstallables } from '../installables/realise-installables.ts';
import type { Installable } from '../installables/installable.ts';
import type { App } from './app.ts';

export interface RealisedApp {
  readonly program: ByteString;
  readonly realised: readonly Realised[];
}

/** Makes valid what an app needs, and says which program it is. Throws what building throws, `run/not-in-store`. */
export async function realiseApp(
  { store, evalStore }: { readonly store: Store; readonly evalStore: Store },
  app: App,
  { what, context }: { readonly what: string; readonly context: CommandContext },
): Promise<RealisedApp> {
  const installables = app.context.map(path => ({ path, what, evalStore }));
  const realised = await realiseInstallables(store, installables, { context });
  return { realised, program: resolveProgram(store, app, realised) };
}

/** Makes valid the output that `installable` is, and says which program of it is run: `bin/` and the name of its derivation. */
export async function realiseOutputProgram(
  store: Store,
  installable: Installable,
  context: CommandContext,
): Promise<ByteString> {
  const [realised] = await realiseInstallables(store, [installable], { context });
  const path = realised?.kind === 'outputs' ? [...realised.outputs.values()] : [];
  if (realised?.kind !== 'outputs' || path[0] === undefined || path.length > 1) {
    throw new CliError(
      'run/wrong-type',
      `'${installable.what}' is not one output of a derivation: name one, as in 'drv^out'`,
    );
  }
  const { name } = parsePackageName(derivationNameOf(realised.derivation));
  return byteStringFromLatin1(`${printStorePath(store.storeDir, path[0])}/bin/${name}`);
}

/** The program with the outputs that were not known before they were built. */
function resolveProgram({ storeDir }: Store, { program }: App, realised: readonly Realised[]): ByteString {
  let resolved: string = program;
  for (const each of realised) {
    if (each.kind === 'path') continue;
    for (const [output, path] of each.outputs) {
      const placeholder = formatPlaceholder(placeholderOf(builtPath(opaquePath(each.derivation), output)));
      resolved = resolved.replaceAll(placeholder, printStorePath(storeDir, path));
    }
  }
  if (resolved.startsWith(`${storeDir}/`)) return brandAs<ByteString>(resolved);
  const shown = displayBytes(byteStringFromLatin1(resolved));
  throw new CliError('run/not-in-store', `app program '${shown}' is not in the Nix store`);
}
