/**
 * A version of the worker or serve protocol, as it is sent: the minor version in the lowest byte, the major in the
 * next. Versions of one protocol are compared as numbers.
 */
export type ProtocolVersion = number;

export function protocolVersion(major: number, minor: number): ProtocolVersion {
  return major * 256 + minor;
}

export function majorVersion(version: ProtocolVersion): number {
  return version >>> 8;
}

/** As `1.38`. */
export function formatProtocolVersion(version: ProtocolVersion): string {
  return `${majorVersion(version)}.${version & 0xff}`;
}
