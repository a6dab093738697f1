import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { CliError } from '../error.ts';
import type { Operands } from './nix-store.ts';

const kindsOfFlags = {
  '--outputs': 'outputs',
  '--requisites': 'requisites',
  '-R': 'requisites',
  '--references': 'references',
  '--referrers': 'referrers',
  '--referers': 'referrers',
  '--referrers-closure': 'referrers-closure',
  '--referers-closure': 'referrers-closure',
  '--deriver': 'deriver',
  '-d': 'deriver',
  '--valid-derivers': 'valid-derivers',
  '--binding': 'binding',
  '-b': 'binding',
  '--hash': 'hash',
  '--size': 'size',
  '--tree': 'tree',
  '--graph': 'graph',
  '--graphml': 'graphml',
  '--resolve': 'resolve',
  '--roots': 'roots',
} as const;

/** What `nix-store --query` can be asked. */
export type QueryKind = (typeof kindsOfFlags)[keyof typeof kindsOfFlags];

export interface QueryOptions {
  readonly kind: QueryKind;
  /** The environment variable that `binding` asks for. */
  readonly binding: ByteString;
  /** Whether derivations stand for their outputs. */
  readonly useOutput: boolean;
  readonly forceRealise: boolean;
  readonly includeOutputs: boolean;
}

const kinds: ReadonlyMap<string, QueryKind> = new Map(Object.entries(kindsOfFlags));

/** Takes the name of a binding off the arguments. Throws `usage/…`. */
export function parseQueryFlags(operands: Operands): QueryOptions {
  let kind: QueryKind | undefined;
  let binding = byteStringFromText('');
  const switches = { useOutput: false, forceRealise: false, includeOutputs: false };
  for (const flag of operands.flags) {
    const asked = kinds.get(flag);
    if (asked === undefined) {
      setSwitch(switches, flag);
      continue;
    }
    if (asked === 'binding') {
      const name = operands.args.shift();
      if (name === undefined) throw new CliError('usage/missing-value', 'expected binding name');
      binding = name;
    }
    if (kind !== undefined && kind !== asked) {
      const message = `query type '${displayBytes(flag)}' conflicts with earlier flag`;
      throw new CliError('usage/several-operations', message);
    }
    kind = asked;
  }
  return { kind: kind ?? 'outputs', binding, ...switches };
}

function setSwitch(
  switches: { useOutput: boolean; forceRealise: boolean; includeOutputs: boolean },
  flag: ByteString,
): void {
  if (['--use-output', '-u'].includes(flag)) switches.useOutput = true;
  else if (['--force-realise', '--force-realize', '-f'].includes(flag)) switches.forceRealise = true;
  else if (flag === '--include-outputs') switches.includeOutputs = true;
  else throw new CliError('usage/unrecognised-flag', `unknown flag '${displayBytes(flag)}'`);
}
