import { openLocalStoreIn, storeSuite, temporaryFolder } from '../../testing/index.ts';

storeSuite('a local store', async () => {
  const folder = temporaryFolder();
  const store = openLocalStoreIn(folder.path);
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});
