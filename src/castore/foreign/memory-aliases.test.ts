import { foreignStoreSuite } from '../../testing/index.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { MemoryBlobAliases, MemoryDirectoryAliases } from './memory-aliases.ts';

foreignStoreSuite('MemoryBlobAliases and MemoryDirectoryAliases', () =>
  Promise.resolve({
    store: new MemoryBlobStore(),
    blobs: new MemoryBlobAliases(),
    directories: new MemoryDirectoryAliases(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);
