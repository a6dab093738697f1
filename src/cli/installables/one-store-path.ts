import { type ByteString, displayBytes } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { pathsOf, realiseInstallables } from './realise-installables.ts';
import { type OperateOn, resolveInstallables } from './resolve-installables.ts';
import type { SourceArguments } from './source-arguments.ts';

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
  readonly source: SourceArguments;
  readonly context: CommandContext;
}

/** A store path, and what messages call what it was made of. */
export interface NamedStorePath {
  readonly what: string;
  readonly storePath: StorePath;
}

/** The one store path that an installable means. Throws `installable/not-one-path`, and what finding it throws. */
export async function oneStorePath(
  store: Store,
  text: ByteString,
  { operateOn, realise, source, context }: OneStorePathOptions,
): Promise<NamedStorePath> {
  const installables = await source.resolve(store, [text]);
  const what = installables[0]?.what ?? displayBytes(text);
  const paths =
    realise && operateOn === 'output'
      ? (await realiseInstallables(store, installables, { context })).flatMap(pathsOf)
      : await resolveInstallables(store, installables, { operateOn, context });
  const [storePath, ...others] = new Set(paths);
  if (storePath !== undefined && others.length === 0) return { what, storePath };
  const message = `argument '${what}' should evaluate to one store path`;
  throw new CliError('installable/not-one-path', message);
}
