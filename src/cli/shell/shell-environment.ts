import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type ByteString, bytesOf, byteStringFromText, displayBytes } from '../../base/index.ts';
import { makeBuilderFiles } from '../../engine/index.ts';
import { type BasicDerivation, parseDerivationOptions, resolveDerivationOptions } from '../../nix-compat/index.ts';
import { type Store, computeClosure } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import type { Variables } from './environment-flags.ts';

/** Variables that a pure shell keeps. */
const keptVariables: readonly string[] = [
  'HOME',
  'XDG_RUNTIME_DIR',
  'USER',
  'LOGNAME',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'WAYLAND_SOCKET',
  'PATH',
  'TERM',
  'IN_NIX_SHELL',
  'NIX_SHELL_PRESERVE_PROMPT',
  'TZ',
  'PAGER',
  'NIX_BUILD_SHELL',
  'SHLVL',
  'http_proxy',
  'https_proxy',
  'ftp_proxy',
  'all_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'FTP_PROXY',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
];

/** What of `own` a shell starts with; all of it unless it is pure. */
export function startVariables(own: Variables, { isPure, kept }: PureOptions): Variables {
  if (!isPure) return own;
  const names = new Set([...keptVariables, ...kept]);
  const entries = Object.entries(own).filter(([name]) => names.has(name));
  // NixOS' /etc/bashrc reads /etc/profile unless it was told that somebody has.
  return { ...Object.fromEntries(entries), __ETC_PROFILE_SOURCED: '1' };
}

export interface PureOptions {
  readonly isPure: boolean;
  /** Names that a pure shell keeps besides. */
  readonly kept: ReadonlySet<string>;
}

export interface ShellEnvironment {
  readonly variables: Variables;
  /** Commands of bash that make the variables of structured attributes. */
  readonly structuredAttrs: ByteString;
}

export interface ShellEnvironmentRequest {
  readonly derivation: BasicDerivation;
  /** For the files that variables name. */
  readonly folder: string;
  readonly start: Variables;
}

/** The environment of a derivation's builder, as far as it makes sense in a shell. */
export async function makeShellEnvironment(
  store: Store,
  { derivation, folder, start }: ShellEnvironmentRequest,
  { settings }: CommandContext,
): Promise<ShellEnvironment> {
  const variables: Record<string, string> = { ...start };
  for (const name of ['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP']) variables[name] = folder;
  variables['NIX_STORE'] = store.storeDir;
  variables['NIX_BUILD_CORES'] = String(settings.get('cores') === 0 ? availableParallelism() : settings.get('cores'));
  const options = parseDerivationOptions(store.storeDir, { ...derivation, inputDerivations: new Map() });
  let files = 0;
  for (const [name, value] of derivation.env) {
    if (!options.passAsFile.has(name)) {
      variables[displayBytes(name)] = displayBytes(value);
      continue;
    }
    const file = join(folder, `.attr-${files++}`);
    writeFileSync(file, bytesOf(value));
    variables[`${displayBytes(name)}Path`] = file;
  }
  if (derivation.structuredAttrs === undefined) {
    return { variables, structuredAttrs: byteStringFromText('') };
  }
  const closure = await computeClosure(store, derivation.inputSources);
  const known = resolveDerivationOptions(options, () => undefined);
  if (known === undefined) throw new TypeError('a resolved derivation names outputs of others');
  const request = { derivation, options: known, inputs: new Set(closure.keys()) };
  const made = await makeBuilderFiles(store, request);
  for (const [name, contents] of made.files) writeFileSync(join(folder, displayBytes(name)), bytesOf(contents));
  for (const [name, variable] of made.variables) {
    if (variable.kind === 'file') variables[displayBytes(name)] = join(folder, displayBytes(variable.name));
  }
  return { variables, structuredAttrs: made.files.get(byteStringFromText('.attrs.sh')) ?? byteStringFromText('') };
}
