import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { type BashVariable, type BuildEnvironment, buildEnvironmentToBash } from './build-environment.ts';

/** Variables that a shell keeps as they were, or that mean something only while it builds. */
const ignoredVariables: ReadonlySet<string> = new Set([
  'BASHOPTS',
  'HOME',
  'NIX_BUILD_TOP',
  'NIX_ENFORCE_PURITY',
  'NIX_LOG_FD',
  'NIX_REMOTE',
  'PPID',
  'SHELLOPTS',
  'SSL_CERT_FILE',
  'TEMP',
  'TEMPDIR',
  'TERM',
  'TMP',
  'TMPDIR',
  'TZ',
  'UID',
]);

export interface DevelopmentScriptOptions {
  /** Where files are written that the script names. */
  readonly folder: string;
  /** What outputs are called in the shell: folders in this one. */
  readonly outputsFolder: string;
  /** Paths of the store, and what they are to be called instead. */
  readonly redirects?: ReadonlyMap<ByteString, ByteString>;
}

/**
 * Commands of bash that give a shell the environment of a build. PATH and XDG_DATA_DIRS are put before what they were,
 * so that the shell stays of use. Throws `shell/no-environment`.
 */
export function developmentScript(environment: BuildEnvironment, options: DevelopmentScriptOptions): ByteString {
  const saved = ['PATH', 'XDG_DATA_DIRS'];
  const lines = [
    'unset shellHook',
    ...saved.map(name => `nix_saved_${name}="\${${name}-}"`),
    // It may be made anew and not be exported then.
    ...saved.map(name => `${name}="$nix_saved_${name}"`),
  ];
  const after = [
    ...saved.map(name => `${name}="\$${name}\${nix_saved_${name}:+:$nix_saved_${name}}"`),
    'export NIX_BUILD_TOP="$(mktemp -d -t nix-shell.XXXXXX)"',
    'export TMP="$NIX_BUILD_TOP" TMPDIR="$NIX_BUILD_TOP" TEMP="$NIX_BUILD_TOP" TEMPDIR="$NIX_BUILD_TOP"',
    'eval "${shellHook:-}"',
  ];
  const variables = buildEnvironmentToBash(environment, ignoredVariables);
  const script = `${lines.join('\n')}\n${variables}${after.join('\n')}\n`;
  return rewrite(script, [
    ...outputNames(environment, options),
    ...attrsFiles(environment, options),
    ...(options.redirects ?? []),
  ]);
}

type Rewrites = (readonly [from: string, to: string])[];

/** In byte order of what is replaced. */
function rewrite(script: string, rewrites: Rewrites): ByteString {
  let text = script;
  for (const [from, to] of rewrites.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (from !== to && from !== '') text = text.replaceAll(from, () => to);
  }
  return byteStringFromLatin1(text);
}

function outputNames({ variables, structuredAttrs }: BuildEnvironment, options: DevelopmentScriptOptions): Rewrites {
  const folder = byteStringFromText(options.outputsFolder);
  // Who does not say has one output.
  const outputs = variables.get(byteStringFromText('outputs')) ?? oneOutput;
  if (structuredAttrs !== undefined) {
    if (outputs.kind !== 'associative') throw noEnvironment('bash variable is not an associative array');
    return Array.from(outputs.values, ([name, from]) => [from, `${folder}/${name}`]);
  }
  const names = wordsOf(outputs);
  return names.map(name => [textOf(required(variables, name)), `${folder}/${name}`]);
}

const oneOutput: BashVariable = { kind: 'text', value: byteStringFromText('out'), isExported: false };

function wordsOf(variable: BashVariable): string[] {
  if (variable.kind === 'text') return variable.value.split(/[ \t\n\r]+/).filter(word => word !== '');
  return variable.kind === 'array' ? [...variable.values] : [...variable.values.keys()];
}

/** The files that describe structured attributes, which are written here. */
function attrsFiles({ variables, structuredAttrs }: BuildEnvironment, { folder }: DevelopmentScriptOptions): Rewrites {
  if (structuredAttrs === undefined) return [];
  return (['sh', 'json'] as const).map(kind => {
    const file = join(folder, `.attrs.${kind}`);
    writeFileSync(file, bytesOf(structuredAttrs[kind]));
    const variable = kind === 'sh' ? 'NIX_ATTRS_SH_FILE' : 'NIX_ATTRS_JSON_FILE';
    return [textOf(required(variables, variable)), byteStringFromText(file)];
  });
}

function required(variables: BuildEnvironment['variables'], name: string): BashVariable {
  const found = variables.get(byteStringFromLatin1(name));
  if (found !== undefined) return found;
  throw noEnvironment(`the build environment lacks the variable '${displayBytes(byteStringFromLatin1(name))}'`);
}

function textOf(variable: BashVariable): ByteString {
  if (variable.kind === 'text') return variable.value;
  throw noEnvironment('bash variable is not a string');
}

function noEnvironment(message: string): CliError {
  return new CliError('shell/no-environment', message);
}
