import { brandAs, type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type StoreReference, formatStoreReference } from '../store-reference/store-reference.ts';

/** A machine that builds, as a line of a machines file describes it. */
export interface Machine {
  /** What the line says; `connectionTo` adds how to get there. */
  readonly store: StoreReference;
  readonly systems: ReadonlySet<string>;
  /** The file of a private key; empty for whatever ssh finds. */
  readonly sshKey: string;
  /** How many builds it gets at a time. */
  readonly maxJobs: number;
  /** More than 0: how fast it is beside the others. */
  readonly speedFactor: number;
  readonly supportedFeatures: ReadonlySet<string>;
  /** Of these, supported as well, whatever is built there must require all. */
  readonly mandatoryFeatures: ReadonlySet<string>;
  /** The host's public key in base64; empty for whatever ssh knows. */
  readonly hostKey: string;
}

/** What of a derivation decides on where it can be built. */
export interface MachineNeeds {
  readonly system: string;
  readonly features: ReadonlySet<string>;
}

/** What messages call a machine: the URI of its store. */
export function machineUri({ store }: Pick<Machine, 'store'>): string {
  return displayBytes(formatStoreReference(store));
}

/** Whether a machine builds what needs `system` and `features`. */
export function canBuildOn(machine: Machine, { system, features }: MachineNeeds): boolean {
  const { systems, supportedFeatures, mandatoryFeatures } = machine;
  return (
    (system === 'builtin' || systems.has(system)) &&
    [...features].every(feature => supportedFeatures.has(feature) || mandatoryFeatures.has(feature)) &&
    mandatoryFeatures.isSubsetOf(features)
  );
}

/** The store to open for a machine: with its keys, for those behind ssh, and told which features it has. */
export function connectionTo(machine: Machine): StoreReference {
  const { store, sshKey, hostKey, supportedFeatures, mandatoryFeatures } = machine;
  const params = new Map('params' in store ? store.params : []);
  const set = (name: string, value: string) => params.set(byteStringFromText(name), byteStringFromText(value));
  const isSsh = store.kind === 'specified' && (store.scheme === 'ssh' || store.scheme === 'ssh-ng');
  // A connection for each build: its log comes by the connection.
  if (isSsh && store.scheme === 'ssh') set('max-connections', '1');
  if (isSsh && sshKey !== '') set('ssh-key', sshKey);
  if (isSsh && hostKey !== '') set('base64-ssh-public-host-key', hostKey);
  const given = params.get(byteStringFromText('system-features'));
  const features = [...supportedFeatures].toSorted().concat([...mandatoryFeatures].toSorted());
  const all = [...(given === undefined || given === '' ? [] : [displayBytes(given)]), ...features].join(' ');
  set('system-features', all);
  if ('params' in store) return { ...store, params };
  const scheme = store.kind === 'daemon' ? 'unix' : 'local';
  return { kind: 'specified', scheme, authority: brandAs<ByteString>(''), params };
}
