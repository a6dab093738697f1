import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { type JsonObject, type JsonValue, isJsonArray, isJsonObject, jsonObject } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import { quoteForShell } from './quote-for-shell.ts';

/** A variable of bash. */
export type BashVariable =
  | { readonly kind: 'text'; readonly value: ByteString; readonly isExported: boolean }
  | { readonly kind: 'array'; readonly values: readonly ByteString[] }
  | { readonly kind: 'associative'; readonly values: ReadonlyMap<ByteString, ByteString> };

/** The environment that a derivation is built in, as bash knows it; everything in byte order of names. */
export interface BuildEnvironment {
  readonly variables: ReadonlyMap<ByteString, BashVariable>;
  /** Bodies, between the braces. */
  readonly functions: ReadonlyMap<ByteString, ByteString>;
  /** Of derivations that have structured attributes: the files that say what they are. */
  readonly structuredAttrs: { readonly json: ByteString; readonly sh: ByteString } | undefined;
}

/** Reads what `environmentScript` writes. Throws `shell/no-environment` for anything else. */
export function buildEnvironmentFromJson(json: JsonValue): BuildEnvironment {
  const top = objectOf(json);
  const variables = new Map<ByteString, BashVariable>();
  for (const [name, described] of sorted(objectOf(top.get(key('variables'))))) {
    const variable = variableOf(objectOf(described));
    if (variable !== undefined) variables.set(name, variable);
  }
  const functions = sorted(objectOf(top.get(key('bashFunctions')))).map(
    ([name, body]) => [name, textOf(body)] as const,
  );
  const attrs = top.get(key('structuredAttrs'));
  const files = attrs === undefined ? undefined : objectOf(attrs);
  return {
    variables,
    functions: new Map(functions),
    structuredAttrs:
      files === undefined
        ? undefined
        : { json: textOf(files.get(key('.attrs.json'))), sh: textOf(files.get(key('.attrs.sh'))) },
  };
}

function variableOf(described: JsonObject): BashVariable | undefined {
  const type = textOf(described.get(key('type')));
  const value = described.get(key('value'));
  switch (type) {
    case 'var':
    case 'exported':
      return { kind: 'text', value: textOf(value), isExported: type === 'exported' };
    case 'array':
      if (value === undefined || !isJsonArray(value)) throw malformed();
      return { kind: 'array', values: value.map(textOf) };
    case 'associative':
      return { kind: 'associative', values: new Map(sorted(objectOf(value)).map(([name, of]) => [name, textOf(of)])) };
    default:
      return undefined;
  }
}

/** As `buildEnvironmentFromJson` reads it. */
export function buildEnvironmentToJson({ variables, functions, structuredAttrs }: BuildEnvironment): JsonObject {
  return jsonObject({
    bashFunctions: functions,
    variables: new Map(Array.from(variables, ([name, variable]) => [name, variableToJson(variable)] as const)),
    structuredAttrs:
      structuredAttrs === undefined
        ? undefined
        : jsonObject({ '.attrs.json': structuredAttrs.json, '.attrs.sh': structuredAttrs.sh }),
  });
}

function variableToJson(variable: BashVariable): JsonObject {
  switch (variable.kind) {
    case 'text':
      return jsonObject({ type: key(variable.isExported ? 'exported' : 'var'), value: variable.value });
    case 'array':
      return jsonObject({ type: key('array'), value: variable.values });
    case 'associative':
      return jsonObject({ type: key('associative'), value: variable.values });
    default:
      throw malformed();
  }
}

/** Commands of bash that make variables and functions, but for variables that `ignored` names. */
export function buildEnvironmentToBash(
  { variables, functions }: BuildEnvironment,
  ignored: ReadonlySet<string>,
): ByteString {
  let script = '';
  for (const [name, variable] of variables) if (!ignored.has(name)) script += declaration(name, variable);
  for (const [name, body] of functions) script += `${name} ()\n{\n${body}}\n`;
  return byteStringFromLatin1(script);
}

function declaration(name: ByteString, variable: BashVariable): string {
  switch (variable.kind) {
    case 'text':
      return `${name}=${quoteForShell(variable.value)}\n${variable.isExported ? `export ${name}\n` : ''}`;
    case 'array':
      return `declare -a ${name}=(${variable.values.map(value => `${quoteForShell(value)} `).join('')})\n`;
    case 'associative': {
      const entries = Array.from(variable.values, ([at, value]) => `[${quoteForShell(at)}]=${quoteForShell(value)} `);
      return `declare -A ${name}=(${entries.join('')})\n`;
    }
    default:
      throw malformed();
  }
}

function objectOf(json: JsonValue | undefined): JsonObject {
  if (json === undefined || !isJsonObject(json)) throw malformed();
  return json;
}

function textOf(json: JsonValue | undefined): ByteString {
  if (typeof json !== 'string') throw malformed();
  return json;
}

function sorted(object: JsonObject): (readonly [ByteString, JsonValue])[] {
  return [...object].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function key(name: string): ByteString {
  return byteStringFromText(name);
}

function malformed(): CliError {
  return new CliError('shell/no-environment', 'the description of a build environment is not what it should be');
}
