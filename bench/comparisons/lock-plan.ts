import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Comparison, Invocation } from '../framework/comparison.ts';

const expression = join(import.meta.dirname, '../../examples/dynamic/npm-lock/default.nix');

const features = 'nix-command ca-derivations dynamic-derivations recursive-nix';

/**
 * From a lock file to the derivations of its packages, made in a build, and to what has to be built of them. C++ Nix's dry run
 * stops at the derivation that makes the plan. So the same is asked of it in two steps: to build that, and what of
 * its output is to be built. Inside, each has its own `nix-instantiate`; the derivations are the same but for their store.
 */
export const lockPlanComparison: Comparison = {
  title: 'Planning what a lock file says, in a build',
  workload:
    'a derivation for each of 163 packages of a package-lock.json, instantiated inside a build without a sandbox, in an empty store, and listed as what will be built',
  pairs: 7,
  bytesPerRun: 4_000_000,
  prepare(workspace) {
    const invoke = (nix: string, script: string, root: string): Invocation => {
      mkdirSync(root, { recursive: true });
      const plan = `(import ${expression} { nix = "${dirname(nix)}"; })`;
      return { argv: ['sh', '-euc', script, 'sh', nix, plan], env: environmentOf(root) };
    };
    const count = 'sed -n "s/^these \\([0-9]*\\) derivations will be built:/\\1/p"';
    const twoSteps = `plan=$("$1" build --impure --no-link --print-out-paths --expr "$2.drvPath" 2>/dev/null); "$1" build --dry-run "$plan^*" 2>&1 | ${count}`;
    const oneStep = `"$1" build --impure --dry-run=plan --expr "$2" 2>&1 | ${count}`;
    const [peer, firn] = [workspace.peer('nix'), workspace.own('nix')];
    return Promise.resolve({
      sides: {
        peer: {
          command: 'nix build --no-link (the derivation that makes the plan); nix build --dry-run PLAN^*',
          invoke: ({ fresh }) => invoke(peer, twoSteps, fresh),
        },
        firn: {
          command: "Firn's nix build --dry-run=plan",
          invoke: ({ fresh }) => invoke(firn, oneStep, fresh),
        },
      },
      figures: [
        { name: 'time', kind: 'ratio', of: 'firn', against: 'peer', bar: 0.5 },
        { name: 'memory', kind: 'memory', of: 'firn' },
      ],
    });
  },
};

/** A store of its own: builders that use Nix find it at the same place. */
function environmentOf(root: string): Record<string, string> {
  return {
    HOME: root,
    NIX_STORE_DIR: join(root, 'store'),
    NIX_STATE_DIR: join(root, 'state'),
    NIX_LOG_DIR: join(root, 'log'),
    NIX_CONF_DIR: '/var/empty',
    NIX_CONFIG: [
      `experimental-features = ${features}`,
      'system-features = recursive-nix',
      'build-users-group =',
      'substituters =',
      'sandbox = false',
    ].join('\n'),
  };
}
