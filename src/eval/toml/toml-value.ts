import type { ByteString } from '../../base/index.ts';

/** A value of TOML 1.0. Floating point numbers are wrapped, to tell them from integers. */
export type TomlValue = ByteString | bigint | boolean | TomlFloat | TomlTimestamp | TomlArray | TomlTable;

export interface TomlFloat {
  readonly kind: 'float';
  readonly value: number;
}

/** A date, a time, or both, in the one form that every such value is written in. */
export interface TomlTimestamp {
  readonly kind: 'timestamp';
  readonly text: string;
}

export interface TomlArray {
  readonly kind: 'array';
  readonly items: TomlValue[];
  /** Of `[[name]]`: headers add tables to it. */
  readonly isOfTables: boolean;
  readonly place: TomlPlace;
}

export interface TomlTable {
  readonly kind: 'table';
  readonly members: Map<ByteString, TomlMember>;
  /**
   * What may still be added to it: to one that a header only passed through, a header of its own; to one of dotted keys,
   * more of these; to an inline one nothing.
   */
  origin: 'implicit' | 'header' | 'dotted' | 'inline';
  place: TomlPlace;
}

export interface TomlMember {
  readonly value: TomlValue;
  readonly place: TomlPlace;
}

/** Part of the text, in bytes. */
export interface TomlPlace {
  readonly start: number;
  readonly end: number;
}
