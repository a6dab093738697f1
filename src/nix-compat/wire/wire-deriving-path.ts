import { type ByteString, brandAs } from '../../base/index.ts';
import {
  type DerivingPath,
  type SingleDerivingPath,
  builtPath,
  formatDerivingPath,
  opaquePath,
  parseDerivingPath,
  unrollDerivingPath,
} from '../derivation/deriving-path.ts';
import { allOutputs, namedOutputs } from '../derivation/outputs-spec.ts';
import { NixCompatError } from '../error.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import { isDerivationPath } from '../store-path/store-path.ts';
import { formatProtocolVersion, protocolVersion } from './protocol-version.ts';
import type { WireContext } from './wire-context.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** Since when a derivation can be meant itself and not its outputs. */
const derivingPathsSince = protocolVersion(1, 30);

/** As the worker protocol sends it. Throws as `parseDerivingPath`. */
export async function readDerivingPath(reader: WireReader, context: WireContext): Promise<DerivingPath> {
  const text = await reader.string();
  return context.version >= derivingPathsSince
    ? parseDerivingPath(context.storeDir, text, '!')
    : parsePathWithOutputs(context.storeDir, text);
}

/**
 * A path that stands for one store object, as those operations have it that C++ Nix has had since 2.35: a tag, then a store
 * path, or another such path and an output. Throws `wire/bad-value`, `deriving-path/too-deep` or as `parseStorePathIn`.
 */
export async function readSingleDerivingPath(reader: WireReader, storeDir: StoreDir): Promise<SingleDerivingPath> {
  let depth = 0;
  for (;;) {
    const tag = await reader.number();
    if (tag === 0) break;
    if (tag !== 1) {
      throw new NixCompatError('wire/bad-value', `Invalid tag ${tag} for single derived path`, {
        offset: reader.offset - 8,
      });
    }
    if (++depth > maxWireDepth) {
      const message = `a deriving path has more than ${maxWireDepth} outputs of outputs`;
      throw new NixCompatError('deriving-path/too-deep', message, { offset: reader.offset - 8 });
    }
  }
  let path: SingleDerivingPath = opaquePath(parseStorePathIn(storeDir, await reader.string()));
  for (; depth > 0; depth--) path = builtPath(path, await reader.string());
  return path;
}

/** The inverse of `readSingleDerivingPath`. */
export function writeSingleDerivingPath(writer: WireWriter, storeDir: StoreDir, path: SingleDerivingPath): void {
  const { base, outputs } = unrollDerivingPath(path);
  for (const _ of outputs) writer.number(1);
  writer.number(0);
  writer.string(printStorePath(storeDir, base));
  for (const output of outputs) writer.string(output);
}

/** Outputs of outputs; nobody has more than a few. */
const maxWireDepth = 1000;

/** Throws `wire/unsupported-by-peer`. */
export function writeDerivingPath(writer: WireWriter, context: WireContext, path: DerivingPath): void {
  if (context.version >= derivingPathsSince) writer.string(formatDerivingPath(context.storeDir, path, '!'));
  else writer.string(formatPathWithOutputs(context, path));
}

/**
 * Parses the form of older worker protocols and of the serve protocol: a derivation's path means all its outputs, or
 * those listed after `!`. Throws as `parseStorePathIn`.
 */
export function parsePathWithOutputs(storeDir: StoreDir, text: ByteString): DerivingPath {
  const mark = text.indexOf('!');
  const path = parseStorePathIn(storeDir, mark < 0 ? text : text.slice(0, mark));
  const names =
    mark < 0
      ? []
      : text
          .slice(mark + 1)
          .split(',')
          .filter(name => name !== '');
  if (names.length > 0)
    return {
      kind: 'built',
      derivation: opaquePath(path),
      outputs: namedOutputs(names.map(name => brandAs<ByteString>(name))),
    };
  return isDerivationPath(path)
    ? { kind: 'built', derivation: opaquePath(path), outputs: allOutputs }
    : opaquePath(path);
}

/** The inverse of `parsePathWithOutputs`. Throws `wire/unsupported-by-peer` for what it cannot say. */
export function formatPathWithOutputs(context: WireContext, path: DerivingPath): ByteString {
  const { storeDir, version } = context;
  if (path.kind === 'opaque') {
    const text = printStorePath(storeDir, path.path);
    if (!isDerivationPath(path.path)) return text;
    throw unsupported(
      `trying to request '${text}', but protocol ${formatProtocolVersion(version)} is too old to request a derivation file`,
    );
  }
  if (path.derivation.kind === 'built')
    throw unsupported(
      'wanted to build a derivation that is itself a build product, but protocols do not support that. Try upgrading the Nix on the other end of this connection',
    );
  const derivation = printStorePath(storeDir, path.derivation.path);
  return path.outputs.kind === 'all'
    ? derivation
    : brandAs<ByteString>(`${derivation}!${path.outputs.names.join(',')}`);
}

function unsupported(message: string): NixCompatError {
  return new NixCompatError('wire/unsupported-by-peer', message);
}
