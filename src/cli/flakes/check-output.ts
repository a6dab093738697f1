import type { StorePath } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { type CheckedValue, type OutputChecker, within } from './output-checker.ts';

/** A derivation that was checked. */
export interface CheckedDerivation {
  readonly name: string;
  readonly path: StorePath;
}

/** Outputs of old names, and what they are called now. */
const replaced: ReadonlyMap<string, string> = new Map([
  ['defaultPackage', 'packages.<system>.default'],
  ['defaultApp', 'apps.<system>.default'],
  ['defaultTemplate', 'templates.default'],
  ['defaultBundler', 'bundlers.<system>.default'],
  ['overlay', 'overlays.default'],
  ['devShell', 'devShells.<system>.default'],
  ['nixosModule', 'nixosModules.default'],
]);

/** Outputs that others than Nix know what to do with. */
const ofOthers: ReadonlySet<string> = new Set([
  'darwinConfigurations',
  'darwinModules',
  'flakeModule',
  'flakeModules',
  'herculesCI',
  'homeConfigurations',
  'homeModule',
  'homeModules',
  'lib',
  'nixopsConfigurations',
]);

/** Checks what Nix knows of an output of a flake. Returns the derivations among it. */
export async function checkOutput(
  context: CommandContext,
  checker: OutputChecker,
  output: CheckedValue,
): Promise<readonly CheckedDerivation[]> {
  const { log } = context;
  const { name } = output;
  using _ = log.startActivity({ type: 'unknown', level: 'info', text: `checking flake output '${name}'` });
  const checked = await checker.step(`while checking flake output '${name}'`, output.position, async () => {
    await checker.force(output);
    const instead = replaced.get(name);
    if (instead !== undefined) {
      log.warn(`flake output attribute '${name}' is deprecated; use '${instead}' instead`);
    }
    if (!isKnown(name)) log.warn(`unknown flake output '${name}'`);
    return checkKnown(checker, output);
  });
  return checked ?? [];
}

type Check = (checker: OutputChecker, value: CheckedValue) => Promise<StorePath | undefined | void>;

const derivation: Check = (checker, value) => checker.derivation(value);
const app: Check = (checker, value) => checker.app(value);
const overlay: Check = (checker, value) => checker.overlay(value);
const module: Check = (checker, value) => checker.module(value);
const template: Check = (checker, value) => checker.template(value);
const bundler: Check = (checker, value) => checker.bundler(value);

/** How outputs are checked, by how deep what is to be checked lies: by system and name, by system, by name, or right there. */
const checks: {
  readonly [depth in 'system-name' | 'system' | 'name' | 'itself']: ReadonlyMap<string, Check>;
} = {
  'system-name': new Map([
    ['checks', derivation],
    ['packages', derivation],
    ['devShells', derivation],
    ['apps', app],
    ['bundlers', bundler],
  ]),
  system: new Map([
    ['formatter', derivation],
    ['defaultPackage', derivation],
    ['devShell', derivation],
    ['defaultApp', app],
    ['defaultBundler', bundler],
    ['legacyPackages', async () => {}],
  ]),
  name: new Map([
    ['overlays', overlay],
    ['nixosModules', module],
    ['nixosConfigurations', (checker, value) => checker.nixosConfiguration(value)],
    ['templates', template],
  ]),
  itself: new Map([
    ['overlay', overlay],
    ['nixosModule', module],
    ['hydraJobs', (checker, value) => checker.hydraJobs(value)],
    ['defaultTemplate', template],
  ]),
};

function isKnown(name: string): boolean {
  return ofOthers.has(name) || Object.values(checks).some(known => known.has(name));
}

async function checkKnown(checker: OutputChecker, output: CheckedValue): Promise<CheckedDerivation[]> {
  const { name } = output;
  const found: CheckedDerivation[] = [];
  const apply = async (check: Check, value: CheckedValue) => {
    const path = await check(checker, value);
    if (path !== undefined) found.push({ name: value.name, path });
  };
  const [bySystemAndName, bySystem] = [checks['system-name'].get(name), checks.system.get(name)];
  if (bySystemAndName !== undefined) {
    for (const system of await checker.bySystem(output)) {
      for (const each of await checker.attributes(system)) await apply(bySystemAndName, within(system, each));
    }
  }
  if (bySystem !== undefined) for (const system of await checker.bySystem(output)) await apply(bySystem, system);
  const [byName, itself] = [checks.name.get(name), checks.itself.get(name)];
  if (byName !== undefined)
    for (const each of await checker.attributes(output)) await apply(byName, within(output, each));
  if (itself !== undefined) await apply(itself, output);
  return found;
}
