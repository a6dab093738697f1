/**
 * engine: what knows all of Nix: evaluation that meets a store.
 *
 *     const io = new FileSystemIO({ storeDir, want: object => wanted.push(object), ... });
 *     const evaluator = new Evaluator({ io });
 */
export { FileSystemIO, type FileSystemIOOptions, type WantedObject } from './file-system-io.ts';
export { addWantedObjects } from './add-wanted-objects.ts';
