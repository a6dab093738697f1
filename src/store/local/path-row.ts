import { byteStringOf, bytesOf, unreachable } from '../../base/index.ts';
import { type Node, type SqlValue, sha256FromBytes, sha256ToBytes } from '../../castore/index.ts';
import {
  formatContentAddress,
  formatSignature,
  makeHash,
  parseContentAddress,
  parseSignature,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { RecordedPath } from './recorded-path.ts';

const rootKinds = { file: 0, executable: 1, directory: 2, symlink: 3, atPlace: 4 } as const;

/** The columns in the order of `pathColumns`. */
export function rowOfPath({ info, root }: RecordedPath, registrationTime: number): SqlValue[] {
  const [kind, bytes, size] = columnsOfRoot(root);
  return [
    info.path,
    kind,
    bytes,
    size,
    info.narHash.digest,
    info.narSize,
    info.registrationTime ?? registrationTime,
    info.deriver ?? null,
    info.ultimate === true ? 1 : 0,
    info.signatures.map(formatSignature).join(' '),
    info.contentAddress === undefined ? null : formatContentAddress(info.contentAddress),
  ];
}

export const pathColumns = [
  'path',
  'root_kind',
  'root',
  'root_size',
  'nar_hash',
  'nar_size',
  'registration_time',
  'deriver',
  'ultimate',
  'signatures',
  'content_address',
] as const;

/** All but the references, which are rows of another table. `row` begins with the columns in the order of `pathColumns`. */
export function pathOfRow(row: readonly unknown[]): {
  readonly info: Omit<RecordedPath['info'], 'references'>;
  readonly root: Node | undefined;
} {
  const [path, kind, bytes, size, narHash, narSize, registrationTime, deriver, ultimate, signatures, contentAddress] =
    row;
  const text = (value: unknown, column: PathColumn) => {
    if (typeof value !== 'string') throw corrupt(path, column);
    return value;
  };
  const count = (value: unknown, column: PathColumn) => {
    if (typeof value !== 'number') throw corrupt(path, column);
    return value;
  };
  if (!(narHash instanceof Uint8Array)) throw corrupt(path, 'nar_hash');
  const signed = text(signatures, 'signatures');
  return {
    info: {
      path: parseStorePath(text(path, 'path')),
      narHash: makeHash('sha256', narHash),
      narSize: count(narSize, 'nar_size'),
      registrationTime: count(registrationTime, 'registration_time'),
      deriver: deriver === null ? undefined : parseStorePath(text(deriver, 'deriver')),
      ultimate: count(ultimate, 'ultimate') === 1,
      signatures: signed === '' ? [] : signed.split(' ').map(parseSignature),
      contentAddress:
        contentAddress === null ? undefined : parseContentAddress(text(contentAddress, 'content_address')),
    },
    root: rootOfColumns([kind, bytes, size], path),
  };
}

type PathColumn = (typeof pathColumns)[number];

/** `root_kind`, `root` and `root_size`. */
export function columnsOfRoot(root: Node | undefined): [kind: number, bytes: Uint8Array, size: number] {
  if (root === undefined) return [rootKinds.atPlace, new Uint8Array(0), 0];
  switch (root.kind) {
    case 'file':
      return [
        root.executable ? rootKinds.executable : rootKinds.file,
        sha256ToBytes(root.digest.hash),
        root.digest.size,
      ];
    case 'directory':
      return [rootKinds.directory, sha256ToBytes(root.digest.hash), root.digest.size];
    case 'symlink':
      return [rootKinds.symlink, bytesOf(root.target), root.target.length];
    default:
      return unreachable(root);
  }
}

/** `columns` are `root_kind`, `root` and `root_size` of `path`. Undefined where its tree is at its place alone. */
export function rootOfColumns([kind, bytes, size]: readonly unknown[], path: unknown): Node | undefined {
  if (!(bytes instanceof Uint8Array) || typeof size !== 'number') throw corrupt(path, 'root');
  switch (kind) {
    case rootKinds.file:
    case rootKinds.executable: {
      const digest = { hash: sha256FromBytes(bytes), size };
      return { kind: 'file', digest, executable: kind === rootKinds.executable };
    }
    case rootKinds.directory:
      return { kind: 'directory', digest: { hash: sha256FromBytes(bytes), size } };
    case rootKinds.symlink:
      return { kind: 'symlink', target: byteStringOf(bytes) };
    case rootKinds.atPlace:
      return undefined;
    default:
      throw corrupt(path, 'root_kind');
  }
}

function corrupt(path: unknown, column: string): StoreError {
  return new StoreError(
    'store/corrupt',
    `the row of the store path '${String(path)}' has no sound '${column}': verify the store`,
  );
}
