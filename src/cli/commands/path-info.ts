import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type JsonObject,
  type JsonValue,
  type PathInfo,
  type PathInfoJsonFormat,
  formatContentAddress,
  formatJson,
  formatSignature,
  parsePathInfoJsonFormat,
  pathInfoToJson,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type KnownPath, type Store, computeClosure, invalidPath } from '../../store/index.ts';
import { parseInteger } from '../args/parse-integer.ts';
import type { Command, CommandContext } from '../command.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { formatSize } from '../render/format-size.ts';
import { jsonFlags } from './json-flags.ts';

interface PathInfoOptions {
  size: boolean;
  closureSize: boolean;
  humanReadable: boolean;
  signatures: boolean;
}

/** `nix path-info` */
export function pathInfo(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  const options: PathInfoOptions = { size: false, closureSize: false, humanReadable: false, signatures: false };
  let json = false;
  let pretty = context.out.isTerminal;
  let format: PathInfoJsonFormat | undefined;
  return {
    summary: 'Prints what a store knows of store paths.',
    flags: [
      ...wanted.flags,
      {
        long: 'size',
        short: 's',
        labels: [],
        summary: 'Show the sizes of the NARs.',
        apply: () => (options.size = true),
      },
      {
        long: 'closure-size',
        short: 'S',
        labels: [],
        summary: 'Show the sizes of the closures.',
        apply: () => (options.closureSize = true),
      },
      {
        long: 'human-readable',
        short: 'h',
        labels: [],
        summary: 'Show sizes in KiB, MiB, ...',
        apply: () => (options.humanReadable = true),
      },
      { long: 'sigs', labels: [], summary: 'Show signatures.', apply: () => (options.signatures = true) },
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
      {
        long: 'json-format',
        labels: ['version'],
        summary: '1 or 2.',
        apply: text => (format = parsePathInfoJsonFormat(parseInteger(displayBytes(text)))),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const paths = await wanted.resolve(store);
      if (!json) {
        await printLines(store, paths, { options, context });
        return;
      }
      if (format === undefined) {
        const advice = "please specify '--json-format 1' or '--json-format 2'";
        const end = 'This will become an error in a future release.';
        context.log.warn(`'--json' without '--json-format' is deprecated; ${advice}. ${end}`);
      }
      const value = await toJson(store, paths, { closureSize: options.closureSize, format: format ?? 1 });
      context.out.byteLine(brandAs<ByteString>(formatJson(value, pretty ? 2 : undefined)));
    },
  };
}

async function printLines(
  store: Store,
  paths: readonly KnownPath[],
  { options, context }: { readonly options: PathInfoOptions; readonly context: CommandContext },
): Promise<void> {
  const { size, closureSize, humanReadable, signatures } = options;
  const width = Math.max(0, ...paths.map(({ path }) => printStorePath(store.storeDir, path).length));
  const column = (bytes: number) => `\t${humanReadable ? formatSize(bytes, 6) : String(bytes).padStart(11)}`;
  for (const { path, info } of paths) {
    if (info === undefined) throw invalidPath(store.storeDir, path);
    let line: string = printStorePath(store.storeDir, info.path);
    if (size || closureSize || signatures) line = line.padEnd(width);
    if (size) line += column(info.narSize);
    if (closureSize) line += column(totalSize((await computeClosure(store, [path])).values()));
    if (signatures) line += `\t${describeTrust(info).join(' ')}`;
    context.out.byteLine(brandAs<ByteString>(line));
  }
}

function describeTrust({ ultimate, contentAddress, signatures }: PathInfo): string[] {
  return [
    ...(ultimate === true ? ['ultimate'] : []),
    ...(contentAddress === undefined ? [] : [`ca:${formatContentAddress(contentAddress)}`]),
    ...signatures.map(formatSignature),
  ];
}

function totalSize(infos: Iterable<PathInfo>): number {
  let total = 0;
  for (const { narSize } of infos) total += narSize;
  return total;
}

async function toJson(
  store: Store,
  paths: readonly KnownPath[],
  { closureSize, format }: { readonly closureSize: boolean; readonly format: PathInfoJsonFormat },
): Promise<JsonObject> {
  const entries = new Map<ByteString, JsonValue>();
  for (const { path, info } of paths) {
    const named = info?.path ?? path;
    const key = format === 1 ? printStorePath(store.storeDir, named) : brandAs<ByteString>(named);
    if (info === undefined) {
      entries.set(key, null);
      continue;
    }
    const shown = new Map(pathInfoToJson(store.storeDir, info, { format }));
    if (closureSize) await addClosureSizes(store, info, shown);
    entries.set(key, shown);
  }
  if (format === 1) return entries;
  return new Map<ByteString, JsonValue>([
    [byteStringFromText('info'), entries],
    [byteStringFromText('storeDir'), brandAs<ByteString>(store.storeDir)],
    [byteStringFromText('version'), BigInt(format)],
  ]);
}

/** The size of what would have to be downloaded, too, where that is known. */
async function addClosureSizes(store: Store, info: PathInfo, shown: Map<ByteString, JsonValue>): Promise<void> {
  const infos = [...(await computeClosure(store, [info.path])).values()];
  shown.set(byteStringFromText('closureSize'), BigInt(totalSize(infos)));
  if (fileSizeOf(info) === undefined) return;
  const sizes = infos.map(one => fileSizeOf(one) ?? 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  shown.set(byteStringFromText('closureDownloadSize'), BigInt(total));
}

/** Of what is in a binary cache. */
function fileSizeOf(info: PathInfo): number | undefined {
  return 'fileSize' in info && typeof info.fileSize === 'number' ? info.fileSize : undefined;
}
