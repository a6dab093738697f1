/**
 * engine: what knows all of Nix: evaluation that meets a store, realising deriving paths, building derivations.
 *
 *     const io = new FileSystemIO({ storeDir, want: object => wanted.push(object), ... });
 *     const evaluator = new Evaluator({ io });
 */
export { addWantedObjects } from './evaluation/add-wanted-objects.ts';
export { FileSystemIO, type FileSystemIOOptions, type WantedObject } from './evaluation/file-system-io.ts';
export type { BuildJob, BuildOptions, DerivationBuilder } from './build/derivation-builder.ts';
export { BuildError, EngineError, type EngineErrorCode, engineErrorCodes } from './error.ts';
export { failingExitStatus } from './realise/exit-status.ts';
export { type PlanOptions, type RealisationPlan, planRealisation } from './realise/plan-realisation.ts';
export type { RealiseSettings } from './realise/realise-context.ts';
export {
  type RealiseRequest,
  type Realised,
  type RealisedPath,
  Realiser,
  type RealiserOptions,
} from './realise/realiser.ts';
