/** Collects the garbage of the store in argv[2], and says when it begins. */
import { writeSync } from 'node:fs';
import { openLocalStoreIn } from '../../src/testing/index.ts';

const [folder = ''] = process.argv.slice(2);
await using store = openLocalStoreIn(folder);
writeSync(1, 'begin\n');
await store.collector.collect();
