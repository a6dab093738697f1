import { FirnError } from '../base/index.ts';
import { type StatusName, statusCodes } from './status-code.ts';

/**
 * How a call failed: what a server's handler throws for its client to be told, and what a client's call throws. `code` is
 * never `ok`.
 */
export class GrpcStatus extends FirnError<StatusName> {
  /** A `google.rpc.Status` that says more (`grpc-status-details-bin`), as it goes over the wire. */
  readonly details: Uint8Array | undefined;

  constructor(code: StatusName, message: string, options: ErrorOptions & { readonly details?: Uint8Array } = {}) {
    super(code, message, options);
    this.details = options.details;
  }

  get number(): number {
    return statusCodes[this.code];
  }
}

const names = Object.entries(statusCodes);

/** The name of a number that came over the wire; what nobody defined is `unknown`, as the specification says. */
export function statusNameOf(number: number): StatusName {
  for (const [name, code] of names) if (code === number && isStatusName(name)) return name;
  return 'unknown';
}

function isStatusName(name: string): name is StatusName {
  return Object.hasOwn(statusCodes, name);
}
