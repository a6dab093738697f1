import type { Platform } from '../../proto/index.ts';
import { ReapiError } from '../error.ts';

/** What an action asks of the machine: values by property, of which several are all asked for. */
export type PlatformProperties = ReadonlyMap<string, readonly string[]>;

export function platformProperties(platform: Platform | undefined): PlatformProperties {
  const properties = new Map<string, string[]>();
  for (const { name, value } of platform?.properties ?? []) {
    const values = properties.get(name);
    if (values === undefined) properties.set(name, [value]);
    else values.push(value);
  }
  return properties;
}

/** What is offered to actions: by property the values that are satisfied, or `any`. */
export type PlatformOffer = ReadonlyMap<string, 'any' | ReadonlySet<string>>;

/**
 * `root-filesystem` = `input-root`: the action sees its input root as the root of its file system, and nothing of the host
 * but /dev and /proc, which hide what has these names in its input root; /tmp is empty unless that has one.
 */
export const rootFileSystem = 'root-filesystem';
export const inputRoot = 'input-root';

/** Whether all that the action sees is its input root. */
export function hasOwnRoot(properties: PlatformProperties): boolean {
  return properties.get(rootFileSystem)?.includes(inputRoot) === true;
}

/** `network` = `private` or `loopback`: it has none but a loopback interface of its own, although others may. */
export const networkProperty = 'network';
export const privateNetworks: ReadonlySet<string> = new Set(['private', 'loopback']);

const machines: Readonly<Record<string, readonly string[]>> = {
  x64: ['x86-64', 'x86_64', 'amd64'],
  arm64: ['aarch64', 'arm64', 'arm-v8'],
};

/** What this machine offers to actions that name it by the properties of REAPI's lexicon; values as clients write them. */
export function hostPlatform(arch: string = process.arch): PlatformOffer {
  const isa = new Set(machines[arch] ?? [arch]);
  return new Map([
    ['OSFamily', new Set(['linux', 'Linux'])],
    ['ISA', isa],
    ['Arch', isa],
    [rootFileSystem, new Set([inputRoot])],
    [networkProperty, privateNetworks],
  ]);
}

/** Throws `action/unsatisfiable`, which says what is offered. */
export function requireOffered(wanted: PlatformProperties, offer: PlatformOffer): void {
  for (const [name, values] of wanted) {
    const offered = offer.get(name);
    if (offered === 'any') continue;
    const refused = values.find(value => offered?.has(value) !== true);
    if (refused === undefined) continue;
    const message =
      offered === undefined
        ? `no executor offers the platform property '${name}' (wanted: '${refused}')`
        : `no executor offers '${name}' = '${refused}'`;
    throw new ReapiError('action/unsatisfiable', `${message}; offered: ${formatOffer(offer)}`);
  }
}

function formatOffer(offer: PlatformOffer): string {
  if (offer.size === 0) return 'no properties';
  return Array.from(
    offer,
    ([name, values]) => `${name} = ${values === 'any' ? 'anything' : [...values].join(' or ')}`,
  ).join(', ');
}
