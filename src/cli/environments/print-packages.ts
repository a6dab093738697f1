import { type ByteString, brandAs, byteStringFromText, bytesOf, displayBytes, unreachable } from '../../base/index.ts';
import type { PlainData } from '../../eval/index.ts';
import {
  type JsonValue,
  type StorePath,
  formatFloat,
  formatJson,
  jsonObject,
  parsePackageName,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { normal, red } from '../render/ansi.ts';
import { formatTable } from '../render/format-table.ts';
import { showPaged } from '../render/show-paged.ts';
import { XmlText } from '../render/xml-text.ts';
import type { PackageReport, PackageStatus, VersionComparison } from './query-packages.ts';

/** Which columns a table has, and what else is told. */
export interface PackageColumns {
  readonly status: boolean;
  readonly attributePath: boolean;
  readonly name: boolean;
  readonly versions: boolean;
  readonly system: boolean;
  readonly drvPath: boolean;
  readonly outPath: boolean;
  readonly description: boolean;
  readonly meta: boolean;
}

export interface PrintPackagesOptions {
  readonly store: Store;
  readonly columns: PackageColumns;
  readonly context: CommandContext;
}

const text = byteStringFromText;

/** As a table whose columns are as wide as they need to be. */
export function printPackageTable(reports: readonly PackageReport[], options: PrintPackagesOptions): void {
  const rows = reports.map(report => columnsOf(report, options));
  showPaged(bytesOf(formatTable(rows)), options.context);
}

function columnsOf(report: PackageReport, { columns, store, context }: PrintPackagesOptions): string[] {
  const print = (path: StorePath) => printStorePath(store.storeDir, path);
  const row: string[] = [];
  if (columns.status) row.push(statusText(report.status));
  if (columns.attributePath) row.push(text(report.attributePath));
  if (columns.name) row.push(report.name);
  if (columns.versions) row.push(comparisonText(report.comparison, context.out.isTerminal));
  if (columns.system) row.push(report.system);
  if (columns.drvPath) row.push(report.drvPath === undefined ? '-' : print(report.drvPath));
  if (columns.outPath) {
    const outputs = Array.from(report.outputs, ([output, path]) => {
      return `${output === 'out' ? '' : `${output}=`}${path === undefined ? '' : print(path)}`;
    });
    row.push(outputs.join(';'));
  }
  if (columns.description) row.push(report.description ?? '');
  return row;
}

function statusText(status: PackageStatus | undefined): string {
  return `${status?.installed === true ? 'I' : '-'}${status?.valid === true ? 'P' : '-'}${status?.substitutable === true ? 'S' : '-'}`;
}

const signs = { less: '>', equal: '=', greater: '<', unavailable: '-' } as const;

function comparisonText(comparison: VersionComparison | undefined, coloured: boolean): string {
  const { kind, version } = comparison ?? { kind: 'unavailable', version: '?' };
  const shown = `${signs[kind]} ${version}`;
  return kind === 'greater' && coloured ? `${red}${shown}${normal}` : shown;
}

/** By attribute path. */
export function printPackageJson(reports: readonly PackageReport[], options: PrintPackagesOptions): void {
  const { store, columns, context } = options;
  const print = (path: StorePath) => printStorePath(store.storeDir, path);
  const entries = reports.map((report): [ByteString, JsonValue] => {
    const parsed = parsePackageName(report.name);
    const outputs = Array.from(report.outputs, ([name, path]): [ByteString, JsonValue] => {
      return [name, path === undefined ? null : print(path)];
    });
    const value = jsonObject({
      name: report.name,
      pname: brandAs<ByteString>(parsed.name),
      version: brandAs<ByteString>(parsed.version),
      system: report.system,
      outputName: report.outputName,
      outputs: new Map(outputs),
      drvPath: report.drvPath === undefined ? undefined : print(report.drvPath),
      meta: columns.meta ? metaToJson(report, context) : undefined,
    });
    return [text(report.attributePath), value];
  });
  context.out.byteLine(brandAs<ByteString>(formatJson(new Map(entries), 2)));
}

function metaToJson(report: PackageReport, context: CommandContext): JsonValue {
  return new Map(
    Array.from(report.meta, ([name, data]): [ByteString, JsonValue] => {
      if (data === undefined) sayInvalid(report, name, context);
      return [name, data === undefined ? null : toJson(data)];
    }),
  );
}

function toJson(data: PlainData): JsonValue {
  if (data.kind === 'list') return data.items.map(toJson);
  if (data.kind !== 'set') return data.value;
  return new Map(Array.from(data.members, ([name, member]) => [name, toJson(member)] as const));
}

function sayInvalid(report: PackageReport, name: ByteString, { log }: CommandContext): void {
  const message = `derivation '${displayBytes(report.name)}' has invalid meta attribute '${displayBytes(name)}'`;
  log.log('error', message);
}

export function printPackageXml(reports: readonly PackageReport[], options: PrintPackagesOptions): void {
  const xml = new XmlText();
  xml.open('items');
  for (const report of reports) {
    xml.open('item', attributesOf(report, options));
    for (const [name, path] of report.outputs) {
      xml.empty('output', {
        name,
        path: path === undefined ? undefined : printStorePath(options.store.storeDir, path),
      });
    }
    for (const [name, data] of report.meta) {
      if (data === undefined) sayInvalid(report, name, options.context);
      else writeMeta(xml, name, data);
    }
    xml.close('item');
  }
  xml.close('items');
  showPaged(bytesOf(xml.text), options.context);
}

function attributesOf(report: PackageReport, { store, columns }: PrintPackagesOptions) {
  const parsed = parsePackageName(report.name);
  const { status, comparison } = report;
  const isCompared = comparison !== undefined && comparison.kind !== 'unavailable';
  return {
    attrPath: text(report.attributePath),
    description: columns.description && report.description !== '' ? report.description : undefined,
    drvPath: report.drvPath === undefined ? undefined : printStorePath(store.storeDir, report.drvPath),
    installed: bit(status?.installed),
    maxComparedVersion: isCompared ? comparison.version : undefined,
    name: report.name,
    outputName: report.outputName,
    pname: parsed.name,
    substitutable: bit(status?.substitutable),
    system: report.system === '' ? undefined : report.system,
    valid: bit(status?.valid),
    version: parsed.version,
    versionDiff: isCompared ? signs[comparison.kind] : undefined,
  };
}

function bit(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? '1' : '0';
}

function writeMeta(xml: XmlText, name: ByteString, data: PlainData): void {
  switch (data.kind) {
    case 'string':
      xml.empty('meta', { name, type: 'string', value: data.value });
      return;
    case 'int':
      xml.empty('meta', { name, type: 'int', value: String(data.value) });
      return;
    case 'float':
      xml.empty('meta', { name, type: 'float', value: formatFloat(data.value) });
      return;
    case 'bool':
      xml.empty('meta', { name, type: 'bool', value: String(data.value) });
      return;
    case 'list':
      xml.open('meta', { name, type: 'strings' });
      for (const item of data.items) if (item.kind === 'string') xml.empty('string', { value: item.value });
      break;
    case 'set':
      xml.open('meta', { name, type: 'strings' });
      for (const [member, value] of data.members) {
        if (value.kind === 'string') xml.empty('string', { type: member, value: value.value });
      }
      break;
    default:
      unreachable(data);
  }
  xml.close('meta');
}
