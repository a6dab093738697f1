import type { ByteString } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { type Installable, parseInstallable } from './installable.ts';
import { pathsOf, realiseInstallables } from './realise-installables.ts';
import { type OperateOn, resolveInstallables } from './resolve-installables.ts';

/** `--derivation` */
export function operateOnFlag(use: (operateOn: OperateOn) => void): Flag {
  return {
    long: 'derivation',
    labels: [],
    summary: 'Work on the derivations that make the paths.',
    apply: () => use('derivation'),
  };
}

export interface OneStorePathOptions {
  readonly operateOn: OperateOn;
  /** Whether to make it valid. */
  readonly realise: boolean;
  readonly context: CommandContext;
}

/** The one store path that an installable means. Throws `installable/not-one-path`, and what finding it throws. */
export async function oneStorePath(
  store: Store,
  text: ByteString,
  { operateOn, realise, context }: OneStorePathOptions,
): Promise<Installable & { readonly storePath: StorePath }> {
  const installable = parseInstallable(store, text, context);
  const paths =
    realise && operateOn === 'output'
      ? (await realiseInstallables(store, [installable], { context })).flatMap(pathsOf)
      : await resolveInstallables(store, [installable], { operateOn, context });
  const [storePath, ...others] = new Set(paths);
  if (storePath !== undefined && others.length === 0) return { ...installable, storePath };
  const message = `argument '${installable.what}' should evaluate to one store path`;
  throw new CliError('installable/not-one-path', message);
}
