import { byteStringOf, bytesOf, unreachable } from '../../base/index.ts';
import { type Node, type Row, type SqlValue, sha256FromBytes, sha256ToBytes } from '../../castore/index.ts';
import {
  formatContentAddress,
  formatSignature,
  makeHash,
  parseContentAddress,
  parseSignature,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { ValidPath } from '../valid-path.ts';

const rootKinds = { file: 0, executable: 1, directory: 2, symlink: 3 } as const;

/** The columns in the order of `pathColumns`. */
export function rowOfPath({ info, root }: ValidPath, registrationTime: number): SqlValue[] {
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

/** All but the references, which are rows of another table. */
export function pathOfRow(row: Row): { readonly info: Omit<ValidPath['info'], 'references'>; readonly root: Node } {
  const text = (column: (typeof pathColumns)[number]) => {
    const value = row[column];
    if (typeof value !== 'string') throw corrupt(row, column);
    return value;
  };
  const count = (column: (typeof pathColumns)[number]) => {
    const value = row[column];
    if (typeof value !== 'number') throw corrupt(row, column);
    return value;
  };
  const narHash = row['nar_hash'];
  if (!(narHash instanceof Uint8Array)) throw corrupt(row, 'nar_hash');
  const signatures = text('signatures');
  return {
    info: {
      path: parseStorePath(text('path')),
      narHash: makeHash('sha256', narHash),
      narSize: count('nar_size'),
      registrationTime: count('registration_time'),
      deriver: row['deriver'] === null ? undefined : parseStorePath(text('deriver')),
      ultimate: count('ultimate') === 1,
      signatures: signatures === '' ? [] : signatures.split(' ').map(parseSignature),
      contentAddress: row['content_address'] === null ? undefined : parseContentAddress(text('content_address')),
    },
    root: rootOfColumns(row),
  };
}

function columnsOfRoot(root: Node): readonly [kind: number, bytes: Uint8Array, size: number] {
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

export function rootOfColumns(row: Row): Node {
  const { root_kind: kind, root: bytes, root_size: size } = row;
  if (!(bytes instanceof Uint8Array) || typeof size !== 'number') throw corrupt(row, 'root');
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
    default:
      throw corrupt(row, 'root_kind');
  }
}

function corrupt(row: Row, column: string): StoreError {
  return new StoreError(
    'store/corrupt',
    `the row of the store path '${String(row['path'])}' has no sound '${column}': verify the store`,
  );
}
