import { type DigestFunction, type ForeignDigest, ForeignDigester, digestFunctions } from '../../../castore/index.ts';
import { GrpcStatus } from '../../../grpc/index.ts';

/** The functions that a checksum may be of; the later the stronger. */
const functions = ['sha1', 'sha256', 'blake3', 'sha384', 'sha512'] as const satisfies readonly DigestFunction[];

type ChecksumFunction = (typeof functions)[number];

/** What bytes are expected to hash to. */
export interface Checksum {
  readonly function: ChecksumFunction;
  /** In base16. */
  readonly hash: string;
}

/**
 * Subresource integrity, as browsers have it: of several, those of the strongest function, of which one must be the
 * asset's. Throws `invalidArgument`.
 */
export function parseChecksums(text: string): Checksum[] {
  const words = text.split(/\s+/).filter(word => word !== '');
  const all = words.map(parseChecksum);
  const strongest = all.reduce((most, each) => Math.max(most, functions.indexOf(each.function)), 0);
  return all.filter(each => functions.indexOf(each.function) === strongest);
}

function parseChecksum(word: string): Checksum {
  const [, name, digits = ''] = /^([a-z0-9]+)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(word) ?? [];
  const found = functions.find(each => each === name);
  const digest = Buffer.from(digits, 'base64');
  if (found !== undefined && digest.byteLength === digestFunctions[found]) {
    return { function: found, hash: digest.toString('hex') };
  }
  const names = functions.join(', ');
  throw new GrpcStatus('invalidArgument', `'checksum.sri': '${word.slice(0, 200)}' is no hash of one of ${names}`);
}

/** As it is kept and compared. */
export function formatChecksum({ function: name, hash }: Checksum | ForeignDigest): string {
  return `${name}-${hash}`;
}

/** Hashes bytes that come in pieces, in the functions of the checksums that they should have one of. */
export class ChecksumVerifier {
  readonly #wanted: readonly Checksum[];
  readonly #digesters: readonly ForeignDigester[];

  constructor(wanted: readonly Checksum[]) {
    this.#wanted = wanted;
    const names = new Set(wanted.map(checksum => checksum.function));
    // Of these functions none begins with the size.
    this.#digesters = Array.from(names, name => new ForeignDigester(name, 0));
  }

  update(chunk: Uint8Array): void {
    for (const digester of this.#digesters) digester.update(chunk);
  }

  /** The checksum that the bytes have; undefined where none was wanted. Throws `aborted`, as the API has it. */
  finish(uri: string): Checksum | undefined {
    if (this.#wanted.length === 0) return undefined;
    const got = this.#digesters.map(digester => formatChecksum(digester.finish()));
    const found = this.#wanted.find(checksum => got.includes(formatChecksum(checksum)));
    if (found !== undefined) return found;
    const wanted = this.#wanted.map(formatChecksum).join(' or ');
    throw new GrpcStatus('aborted', `${uri} has the checksum ${got.join(' ')}, where ${wanted} was asked for`);
  }
}
