/**
 * fuse: file trees of the castore as a file system that can only be read. A mount shows folders of _views_, each of which maps
 * names to nodes; views come and go while it is mounted. What is not in the data folder is asked for when it is read.
 * Nothing here knows of Nix.
 *
 *     await using mount = await FuseMount.mount({ mountPoint: '/run/views', dataFolder, source });
 *     await using view = mount.holdView('3f5a', [{ name, node }]);
 *     readdirSync(view.path);
 */
export { FuseError, type FuseErrorCode, fuseErrorCodes } from './error.ts';
export { FuseMount, type FuseMountOptions, type HeldView } from './fuse-mount.ts';
export {
  type FetchOptions,
  type FuseProblem,
  type NodeSource,
  type SourceOptions,
  dynamicValidity,
} from './node-source.ts';
export { isOurMount, removeStaleMount } from './mounting/mount-table.ts';
export { unmountAt } from './mounting/unmount-at.ts';
export type { DynamicContents, RootContents, ViewContents, ViewOwner } from './serving/messages.ts';
