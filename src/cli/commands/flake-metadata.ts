import { byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type LockNode,
  type LockedFlake,
  fingerprintOf,
  formatInputPath,
  formatLockFile,
  inputAttributesAsJson,
} from '../../engine/index.ts';
import { type FlakeRef, flakeRefToAttributes, formatFlakeRef, isLockedInput, textAttribute } from '../../eval/index.ts';
import {
  type JsonValue,
  formatJson,
  jsonObject,
  parseJson,
  printStorePath,
  splitStorePath,
} from '../../nix-compat/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';
import { bold, normal } from '../render/ansi.ts';
import { jsonFlags } from './json-flags.ts';
import { treeBlank, treeConnection, treeLast, treeLine } from './print-tree.ts';

/** `nix flake metadata` */
export function flakeMetadata(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Shows what a flake is and what its inputs are.',
    flags: [
      ...wanted.flags,
      switchFlag('json', 'Print JSON.', () => (json = true)),
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      const locked = await wanted.lock();
      const { storeDir } = wanted.evaluation().evaluator.io;
      const { storePath } = splitStorePath(storeDir, locked.flake.path);
      const path = displayBytes(printStorePath(storeDir, storePath));
      const known = { locked, path, fingerprint: await fingerprintOf(locked) };
      if (json) context.out.byteLine(formatJson(toJson(known), pretty ? 2 : undefined));
      else for (const shown of describe(known)) context.out.line(shown);
    },
  };
}

/** `nix flake info` */
export function flakeInfo(context: CommandContext): Command {
  const command = flakeMetadata(context);
  return {
    ...command,
    run: () => {
      context.log.warn("'nix flake info' is a deprecated alias for 'nix flake metadata'");
      return command.run();
    },
  };
}

function text(value: string | undefined): JsonValue | undefined {
  return value === undefined ? undefined : byteStringFromText(value);
}

function integer(value: unknown): bigint | undefined {
  return typeof value === 'bigint' ? value : undefined;
}

function asJson(reference: FlakeRef): JsonValue {
  return inputAttributesAsJson(flakeRefToAttributes(reference));
}

/** What there is to be told. */
interface Known {
  readonly locked: LockedFlake;
  readonly path: string;
  readonly fingerprint: string | undefined;
}

function toJson({ locked, path, fingerprint }: Known): JsonValue {
  const { description, original, resolved, locked: found } = locked.flake;
  const { attributes } = found.input;
  return jsonObject({
    description: text(description),
    originalUrl: text(formatFlakeRef(original)),
    original: asJson(original),
    resolvedUrl: text(formatFlakeRef(resolved)),
    resolved: asJson(resolved),
    url: text(formatFlakeRef(found)),
    locked: asJson(found),
    revision: text(textAttribute(attributes, 'rev')),
    dirtyRevision: text(textAttribute(attributes, 'dirtyRev')),
    revCount: integer(attributes.get('revCount')),
    lastModified: integer(attributes.get('lastModified')),
    path: text(path),
    locks: parseJson(byteStringFromText(formatLockFile(locked.root).text)),
    fingerprint: text(fingerprint),
  });
}

/** A line, if there is something to be said. */
function line(label: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${bold}${label}:${normal}${' '.repeat(14 - label.length)}${value}`];
}

function* describe({ locked, path, fingerprint }: Known): Generator<string> {
  const { description, resolved, locked: found } = locked.flake;
  const { attributes } = found.input;
  yield* line('Resolved URL', formatFlakeRef(resolved));
  if (isLockedInput(found.input)) yield* line('Locked URL', formatFlakeRef(found));
  yield* line('Description', description);
  yield* line('Path', path);
  yield* line('Revision', textAttribute(attributes, 'rev'));
  yield* line('Revision', textAttribute(attributes, 'dirtyRev'));
  yield* line('Revisions', integer(attributes.get('revCount'))?.toString());
  const lastModified = integer(attributes.get('lastModified'));
  if (lastModified !== undefined) yield* line('Last modified', localTime(lastModified));
  yield* line('Fingerprint', fingerprint);
  if (locked.root.inputs.size > 0) yield `${bold}Inputs:${normal}`;
  yield* describeInputs(locked.root, '', new Set([locked.root]));
}

function* describeInputs(node: LockNode, prefix: string, visited: Set<LockNode>): Generator<string> {
  const inputs = [...node.inputs];
  for (const [index, [name, edge]] of inputs.entries()) {
    const isLast = index + 1 === inputs.length;
    const start = `${prefix}${isLast ? treeLast : treeConnection}${bold}${name}${normal}`;
    if (edge.kind === 'follows') {
      yield `${start} follows input '${formatInputPath(edge.path)}'`;
      continue;
    }
    const { locked } = edge.node;
    const lastModified = integer(locked.input.attributes.get('lastModified'));
    const when = lastModified === undefined ? '' : ` (${universalTime(lastModified)})`;
    yield `${start}: ${formatFlakeRef(locked)}${when}`;
    if (visited.has(edge.node)) continue;
    visited.add(edge.node);
    yield* describeInputs(edge.node, prefix + (isLast ? treeBlank : treeLine), visited);
  }
}

/** Of seconds, as `2026-01-31 12:00:00`. */
function universalTime(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function localTime(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  const day = `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
  return `${day} ${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}
