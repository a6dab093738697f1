import { lstatSync } from 'node:fs';
import { type ByteString, displayBytes, errnoOf, systemErrorText } from '../../base/index.ts';
import {
  type DerivingPath,
  type ExtendedOutputsSpec,
  NixCompatError,
  formatDerivingPath,
  opaquePath,
  parseSingleDerivingPath,
  splitOutputsSpec,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { absolutePath, fsPathOf, quotePath } from '../paths.ts';
import { followLinksToStorePath } from './follow-links.ts';

/** What a command line names. */
export interface NamedPath {
  readonly path: DerivingPath;
  /** What messages call it. */
  readonly what: string;
}

/** What a command is asked to work on. */
export interface Installable extends NamedPath {
  /** Has the derivations; mostly the store that the command works on. */
  readonly evalStore: Store;
}

/**
 * The store path, or the outputs of a derivation (`drv^out,dev`, `drv^*`), that `text` is or leads to. Throws
 * `installable/needs-evaluation` for everything else, `installable/bad-outputs`, and `feature/disabled`.
 */
export function parseInstallable(store: Store, text: ByteString, { settings }: CommandContext): NamedPath {
  const { prefix, outputs } = splitInstallable(text);
  const describe = (path: DerivingPath): NamedPath => {
    return { path, what: displayBytes(formatDerivingPath(store.storeDir, path)) };
  };
  try {
    if (prefix.includes('/')) {
      if (outputs === undefined) return describe(opaquePath(followLinksToStorePath(store, prefix)));
      const derivation = parseSingleDerivingPath(store.storeDir, prefix);
      if (derivation.kind === 'built') settings.require('dynamic-derivations');
      return describe({ kind: 'built', derivation, outputs });
    }
  } catch (error) {
    if (!(error instanceof NixCompatError && /^(store-path|path)\//.test(error.code))) throw error;
  }
  throw needsEvaluation(prefix);
}

/** An installable without its outputs, and these. Throws `installable/bad-outputs`. */
export function splitInstallable(text: ByteString): ExtendedOutputsSpec {
  try {
    return splitOutputsSpec(text);
  } catch (cause) {
    if (!(cause instanceof NixCompatError)) throw cause;
    const message = `invalid extended outputs specifier '${displayBytes(text)}'`;
    throw new CliError('installable/bad-outputs', message, { cause });
  }
}

function needsEvaluation(text: ByteString): CliError {
  const path = absolutePath(text);
  if (text.startsWith('/') || text.startsWith('.')) {
    try {
      lstatSync(fsPathOf(path));
    } catch (cause) {
      if (errnoOf(cause) === undefined) throw cause;
      const message = `getting status of ${quotePath(path)}: ${systemErrorText(cause)}`;
      return new CliError('input/failed', message, { cause });
    }
  }
  const message = `'${displayBytes(text)}' is no store path, and this version of Firn cannot evaluate flakes yet`;
  return new CliError('installable/needs-evaluation', message);
}
