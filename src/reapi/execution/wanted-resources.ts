import { type Resources, findControllers } from '../../exec/index.ts';
import { ReapiError } from '../error.ts';
import type { PlatformOffer, PlatformProperties } from './platform.ts';

/** Processors, or a part of one, that an action may keep busy. */
const cpuProperty = 'cpu';
/** Bytes of memory that it may take, and of disk that it may fill: with `K`, `M`, `G` or `T` for powers of 1024. */
const memoryProperty = 'memory';
const diskProperty = 'disk';
/** Processes and threads that it may have. */
const pidsProperty = 'pids';

export interface WantedResources {
  readonly resources: Resources | undefined;
  /** In bytes. */
  readonly disk: number | undefined;
}

/** Throws `action/malformed`. */
export function wantedResources(properties: PlatformProperties): WantedResources {
  const memory = numberOf(properties, memoryProperty, bytesOf);
  const processes = numberOf(properties, pidsProperty, text =>
    /^[1-9][0-9]{0,6}$/.test(text) ? Number(text) : undefined,
  );
  const processors = numberOf(properties, cpuProperty, text =>
    /^[0-9]{1,4}(\.[0-9]{1,3})?$/.test(text) && Number(text) > 0 ? Number(text) : undefined,
  );
  const disk = numberOf(properties, diskProperty, bytesOf);
  const isLimited = memory !== undefined || processes !== undefined || processors !== undefined;
  return { resources: isLimited ? { memory, processes, processors } : undefined, disk };
}

/** Those that this machine can hold actions to. */
export function resourceOffer(): PlatformOffer {
  const controllers = findControllers();
  const offered: [string, 'any'][] = [[diskProperty, 'any']];
  if (controllers.memory !== undefined) offered.push([memoryProperty, 'any']);
  if (controllers.pids !== undefined) offered.push([pidsProperty, 'any']);
  if (controllers.cpu !== undefined) offered.push([cpuProperty, 'any']);
  return new Map(offered);
}

/** The smallest of several. */
function numberOf(
  properties: PlatformProperties,
  name: string,
  parse: (text: string) => number | undefined,
): number | undefined {
  const values = properties.get(name);
  if (values === undefined) return undefined;
  return Math.min(
    ...values.map(text => {
      const value = parse(text.trim());
      if (value !== undefined) return value;
      throw new ReapiError('action/malformed', `'${name}' = '${text.slice(0, 100)}' is no amount: 4, 0.5 or 512M are`);
    }),
  );
}

const factors: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

function bytesOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^([1-9][0-9]{0,12})([KMGT]?)(?:i?B)?$/.exec(text) ?? [];
  const bytes = Number(digits) * (factors[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
