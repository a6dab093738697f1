import type { DerivationOptions, StorePath } from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { Executor } from '../../exec/index.ts';
import type { BuiltinServices } from '../builtin-builders/builtin-builder.ts';
import type { NestedServer } from '../nested/nested-store.ts';
import type { RunningBuild } from '../nested/running-build.ts';
import type { BuildSettings } from './build-settings.ts';
import type { DerivationActions } from './derivation-actions.ts';
import type { BuildJob, BuildOptions, BuildSlot } from './derivation-builder.ts';
import type { OutputStates } from './output-states.ts';
import type { SandboxRoots } from './sandbox-roots.ts';

/** What all builds of a `LocalDerivationBuilder` share. */
export interface BuildContext {
  /** Where the outputs become valid. */
  readonly store: LocalStore;
  readonly executor: Executor;
  readonly settings: BuildSettings;
  /** Who runs builders that are to be actions, if any are. */
  readonly actions?: DerivationActions | undefined;
  /** How builders reach the store that may. */
  readonly nestedServer?: NestedServer | undefined;
  /** For `builtin:` builders. */
  readonly builtins: BuiltinServices;
  /** Our environment, of which builders and hooks see some. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** All settings as `nix.conf` has them, for the post-build hook. */
  readonly config: () => string;
  /** Whether the user sees what builders write, so that failures need not show it again. */
  readonly showsLogs: boolean;
}

/** One build, while its outputs are locked. */
export interface BuildRequest extends Pick<BuildOptions, 'signal' | 'reporter' | 'settles' | 'nested'> {
  readonly build: RunningBuild;
  readonly slot: BuildSlot;
  readonly job: BuildJob;
  readonly options: DerivationOptions<StorePath>;
  readonly states: OutputStates;
  /** The closure of the inputs. */
  readonly inputs: ReadonlySet<StorePath>;
  readonly sandboxRoots: SandboxRoots;
  /** What goes when the build is settled. */
  readonly leftovers: AsyncDisposableStack;
}
