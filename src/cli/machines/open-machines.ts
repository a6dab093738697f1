import { join } from 'node:path';
import { MachineHealth, MachinePool, type MachineSettings, SlotLocks } from '../../engine/index.ts';
import type { Machine } from '../../nix-compat/index.ts';
import { LocalStore, type Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { type OpenLocalBuilder, connectToMachine } from './connect-to-machine.ts';

/** Of this process: a machine that does not answer one client of a daemon does not answer the next. */
const health = new MachineHealth();

/** What machines are opened with. */
export interface OpenMachinesOptions {
  readonly machines: readonly Machine[];
  readonly openHere: OpenLocalBuilder;
}

/** Machines, as long as the result is not disposed of. */
export function openMachines(
  store: Store,
  context: CommandContext,
  { machines, openHere }: OpenMachinesOptions,
): MachinePool {
  const { settings, environment } = context;
  const folder = store instanceof LocalStore ? store.dataFolder : environment.dataFolder;
  return new MachinePool({
    machines,
    connect: connectToMachine(context, { ours: store, openHere }),
    locks: new SlotLocks(join(folder, 'current-load')),
    health,
    pollInterval: settings.get('build-poll-interval') * 1000,
  });
}

export function readMachineSettings({ settings }: Pick<CommandContext, 'settings'>): MachineSettings {
  return {
    substitutes: settings.get('builders-use-substitutes'),
    limits: {
      maxSilentTime: Number(settings.get('max-silent-time')),
      timeout: Number(settings.get('timeout')),
      maxLogSize: Number(settings.get('max-build-log-size')),
      keepsFailed: settings.get('keep-failed'),
    },
    systems: new Set([settings.get('system'), ...settings.get('extra-platforms')]),
  };
}
