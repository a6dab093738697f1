import { foreignStoreSuite, temporaryFolder } from '../../testing/index.ts';
import { DiskBlobStore } from './disk-blob-store.ts';

foreignStoreSuite('DiskBlobAliases and DiskDirectoryAliases', async () => {
  const folder = temporaryFolder();
  const store = new DiskBlobStore(folder.path);
  return {
    store,
    blobs: store.blobAliases,
    directories: store.directoryAliases,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});
