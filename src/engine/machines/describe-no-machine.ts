import { magenta, normal } from '../../base/index.ts';
import type { Machine, MachineNeeds, StorePath } from '../../nix-compat/index.ts';

/** That nobody builds a derivation: what it needs, and what each machine has. C++ Nix's words. */
export function describeNoMachine(path: StorePath, needs: MachineNeeds, machines: readonly Machine[]): string {
  return [
    'Failed to find a machine for remote build!',
    `derivation: ${shown(path)}`,
    `required (system, features): (${shown(needs.system)}, [${list(needs.features)}])`,
    `${shown(machines.length)} available machines:`,
    '(systems, maxjobs, supportedFeatures, mandatoryFeatures)',
    ...machines.map(
      ({ systems, maxJobs, supportedFeatures, mandatoryFeatures }) =>
        `([${list(systems)}], ${shown(maxJobs)}, [${list(supportedFeatures)}], [${list(mandatoryFeatures)}])`,
    ),
  ].join('\n');
}

function shown(value: string | number): string {
  return `${magenta}${value}${normal}`;
}

function list(words: ReadonlySet<string>): string {
  return shown([...words].toSorted().join(', '));
}
