import { HttpRig, openTestStore, storeSuite, temporaryFolder } from '../../testing/index.ts';

storeSuite('a binary cache in a folder', async () => {
  const folder = temporaryFolder();
  const store = await openTestStore(`file://${folder.path}?compression=none`);
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});

storeSuite('a binary cache behind a server', async () => {
  const folder = temporaryFolder();
  const rig = await HttpRig.start({ folder: `${folder.path}/served` });
  const store = await openTestStore(`${rig.url}?compression=zstd&write-nar-listing=1`, { cacheFolder: folder.path });
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});
