import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { FlakeRef } from '../../eval/index.ts';
import {
  type DerivingPath,
  type ExtendedOutputsSpec,
  NixCompatError,
  type OutputsSpec,
  formatDerivingPath,
  opaquePath,
  parseSingleDerivingPath,
  splitOutputsSpec,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from './follow-links.ts';

/** What a command line names. */
export interface NamedPath {
  readonly path: DerivingPath;
  /** What messages call it. */
  readonly what: string;
  /** Where it is from, for what is of a flake. */
  readonly origin?: FlakeOrigin | undefined;
}

/** What profiles note of what is of a flake. */
export interface FlakeOrigin {
  readonly original: FlakeRef;
  readonly locked: FlakeRef;
  readonly attributePath: string;
  readonly outputs: OutputsSpec | undefined;
  readonly priority: number | undefined;
}

/** What a command is asked to work on. */
export interface Installable extends NamedPath {
  /** Has the derivations; mostly the store that the command works on. */
  readonly evalStore: Store;
}

/**
 * The store path, or the outputs of a derivation (`drv^out,dev`, `drv^*`), that `text` is or leads to; undefined for
 * everything else. Throws `installable/bad-outputs`, and `feature/disabled`.
 */
export function parseInstallable(store: Store, text: ByteString, { settings }: CommandContext): NamedPath | undefined {
  const { prefix, outputs } = splitInstallable(withCarets(text));
  const describe = (path: DerivingPath): NamedPath => {
    return { path, what: displayBytes(formatDerivingPath(store.storeDir, path)) };
  };
  if (!prefix.includes('/')) return undefined;
  try {
    if (outputs === undefined) return describe(opaquePath(followLinksToStorePath(store, prefix)));
    const derivation = parseSingleDerivingPath(store.storeDir, prefix);
    if (derivation.kind === 'built') settings.require('dynamic-derivations');
    return describe({ kind: 'built', derivation, outputs });
  } catch (error) {
    if (error instanceof NixCompatError && /^(store-path|path)\//.test(error.code)) return undefined;
    throw error;
  }
}

/** `path.drv!out!out`, as RFC 92 writes outputs, is `path.drv^out^out`. */
function withCarets(text: ByteString): ByteString {
  return /^[^!^]*\.drv(?:![^!^]+)+$/.test(text) ? brandAs<ByteString>(text.replaceAll('!', '^')) : text;
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
