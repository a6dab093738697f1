import { SyscallError, unmount } from '../../base/index.ts';
import { unmountByHelper } from './mount-helper.ts';

/** Takes away what is mounted at a folder, as whoever mounted it. */
export function unmountAt(mountPoint: string, options: { readonly lazily?: boolean } = {}): void {
  try {
    unmount(mountPoint, options);
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === 'EPERM')) throw error;
    unmountByHelper(mountPoint, options);
  }
}
