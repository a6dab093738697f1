import { magenta, normal } from '../../base/index.ts';
import { type Machine, type StorePath, machineUri } from '../../nix-compat/index.ts';
import { type BuildNeeds, canTake, runsActions } from './build-needs.ts';

/** That nobody builds a derivation: what it needs, and what each machine has. C++ Nix's words. */
export function describeNoMachine(path: StorePath, needs: BuildNeeds, machines: readonly Machine[]): string {
  const { actionObstacle } = needs;
  const others = machines.filter(
    machine => runsActions(machine) && canTake(machine, { ...needs, actionObstacle: undefined }),
  );
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
    ...(actionObstacle === undefined
      ? []
      : others.map(each => `'${machineUri(each)}' runs actions, which it cannot be: it ${actionObstacle}`)),
  ].join('\n');
}

function shown(value: string | number): string {
  return `${magenta}${value}${normal}`;
}

function list(words: ReadonlySet<string>): string {
  return shown([...words].toSorted().join(', '));
}
