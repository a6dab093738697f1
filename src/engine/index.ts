/**
 * engine: what knows all of Nix: evaluation that meets a store, realising deriving paths, building derivations.
 *
 *     const io = new FileSystemIO({ storeDir, want: object => wanted.push(object), ... });
 *     const evaluator = new Evaluator({ io });
 *     const value = await evaluateInPasses(evaluator, () => evaluator.evaluate(tree), needs => answerNeeds(store, needs, ...));
 */
export { type AnswerNeeds, answerAll, evaluateInPasses } from './evaluation/evaluate-in-passes.ts';
export { type FetchNeed, type OutputOutcome, type Realisation, answerNeeds } from './evaluation/answer-needs.ts';
export { areInputsSame } from './evaluation-cache/check-inputs.ts';
export { EvaluationCache } from './evaluation-cache/evaluation-cache.ts';
export { type EvaluationPart, type EvaluationRecord, errorOf } from './evaluation-cache/evaluation-record.ts';
export { EvaluationRecording, gistOf } from './evaluation-cache/evaluation-recording.ts';
export type { InputRecorder } from './evaluation-cache/input-recorder.ts';
export { addWantedObjects } from './evaluation/add-wanted-objects.ts';
export { FileSystemIO, type FileSystemIOOptions, type WantedObject } from './evaluation/file-system-io.ts';
export { actionObstacle } from './build/action-obstacle.ts';
export type { BuildContext } from './build/build-context.ts';
export type { BuilderProcess, DerivationActions } from './build/derivation-actions.ts';
export { type ActionBuildContext, buildByAction } from './actions/build-by-action.ts';
export { openDerivationActions, openRemoteDerivationActions } from './actions/open-derivation-actions.ts';
export {
  type BuilderFiles,
  type BuilderFilesRequest,
  type BuilderVariable,
  makeBuilderFiles,
} from './build/builder-files.ts';
export { type BuildSettings, readBuildSettings } from './build/build-settings.ts';
export { type FindFlakeOptions, findFlake, findFlakeWithFragment } from './flakes/find-flake.ts';
export { withTraceAsync } from './evaluation/with-trace.ts';
export { attributesAsJson as inputAttributesAsJson } from './flakes/attributes-json.ts';
export { fingerprintOf } from './flakes/fingerprint.ts';
export type { ConfigValue, Flake, FlakeInput, FlakeInputs } from './flakes/flake.ts';
export { Flakes, type FlakesOptions } from './flakes/flakes.ts';
export { type InputPath, formatInputPath, parseInputPath } from './flakes/input-path.ts';
export type { MountedInput } from './flakes/input-trees.ts';
export { type LockEdge, type LockNode, type LockedNode, formatLockFile, isLockedNode } from './flakes/lock-file.ts';
export { type InputOverride, type LockFlags, defaultLockFlags } from './flakes/lock-flags.ts';
export type { LockedFlake } from './flakes/lock-flake.ts';
export { findInput } from './flakes/lock-graph.ts';
export { sourceFolderOf } from './flakes/write-lock-file.ts';
export { Registries, type RegistriesOptions, type Registry, type RegistryUse } from './flakes/registries.ts';
export {
  type RegistryEntry,
  type RegistryKind,
  indirectInput,
  readRegistry,
  withoutEntry,
  writeRegistry,
} from './flakes/registry.ts';
export { fetchArchive } from './fetchers/fetch-archive.ts';
export { downloadFile } from './fetchers/download-file.ts';
export { cloneRepository, repositoryOf } from './fetchers/clone-repository.ts';
export { fetchClosure } from './evaluation/fetch-closure.ts';
export { type FetchContext, fetchTree } from './fetchers/fetch-tree.ts';
export { type GitOptions, runGit } from './fetchers/run-git.ts';
export type { BuildJob, BuildOptions, BuildSlot, DerivationBuilder, SlotSource } from './build/derivation-builder.ts';
export { LocalDerivationBuilder } from './build/local-derivation-builder.ts';
export { type MachineBuild, type MachineSettings, buildOnMachine } from './machines/build-on-machine.ts';
export type { RemoteBuildContext } from './machines/build-remotely.ts';
export { runsActions } from './machines/build-needs.ts';
export { describeNoMachine } from './machines/describe-no-machine.ts';
export { BuildHook } from './machines/build-hook.ts';
export type { Elsewhere } from './machines/elsewhere.ts';
export { HookElsewhere } from './machines/hook-elsewhere.ts';
export { KnownMachines } from './machines/known-machines.ts';
export { DispatchingBuilder, type DispatchingBuilderOptions } from './machines/dispatching-builder.ts';
export type {
  ConnectOptions,
  ConnectToMachine,
  MachineBuildOptions,
  ActionConnection,
  MachineConnection,
  StoreConnection,
} from './machines/machine-connection.ts';
export { MachineHealth } from './machines/machine-health.ts';
export {
  type LeasedConnection,
  type MachineLease,
  MachinePool,
  type MachinePoolOptions,
  MachineUnreachable,
} from './machines/machine-pool.ts';
export { SlotLocks } from './machines/slot-locks.ts';
export { tapBuildLog } from './machines/tap-build-log.ts';
export type { BuiltinBuild, BuiltinBuilder, BuiltinServices } from './builtin-builders/builtin-builder.ts';
export {
  type LinkPackagesOptions,
  type LinkedPackage,
  PackageConflict,
  linkPackages,
} from './builtin-builders/link-packages.ts';
export type { MirrorPlace, MirrorsOptions } from './builtin-builders/mirrors/mirror-place.ts';
export { Mirrors } from './builtin-builders/mirrors/mirrors.ts';
export { runBuiltinBuilder } from './builtin-builders/run-builtin-builder.ts';
export { StoreView } from './builtin-builders/store-view.ts';
export {
  type NestedMode,
  type NestedRealising,
  type NestedRequest,
  type NestedServer,
  NestedStore,
} from './nested/nested-store.ts';
export { RunningBuild } from './nested/running-build.ts';
export type { FinishedBuild, LeftOutput } from './outputs/finished-build.ts';
export { type OutputDifference, type RegisterOutputsOptions, registerOutputs } from './outputs/register-outputs.ts';
export type { BuildUsers } from './outputs/require-output.ts';
export { BuildError, EngineError, type EngineErrorCode, engineErrorCodes } from './error.ts';
export { failingExitStatus } from './realise/exit-status.ts';
export { findUnplanned } from './realise/find-unplanned.ts';
export { type RealisationPlan, planRealisation } from './realise/plan-realisation.ts';
export type { PlanOptions } from './realise/planning.ts';
export type { PlacedDerivation, RealiseSettings } from './realise/realise-context.ts';
export {
  type RealiseRequest,
  type Realised,
  type RealisedPath,
  Realiser,
  type RealiserOptions,
} from './realise/realiser.ts';
export {
  type ChosenPackage,
  type EnvironmentElement,
  metaBool,
  metaInt,
  readElement,
} from './user-environment/environment-element.ts';
export { PackageSelector } from './user-environment/package-selector.ts';
export {
  type SelectablePackage,
  comparePriorities,
  selectPackages,
  versionOf,
} from './user-environment/select-packages.ts';
export { type UserEnvironment, makeUserEnvironment } from './user-environment/user-environment.ts';
export {
  type FlakeSource,
  type ProfileElement,
  type ProfileManifest,
  defaultPriority,
  hasElement,
  identifierOf,
  manifestDifference,
  nameOf,
  parseProfileManifest,
  profileManifestToJson,
  sorted as sortedElements,
  withElement,
} from './user-environment/profile-manifest.ts';
