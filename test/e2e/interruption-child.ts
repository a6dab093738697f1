/**
 * Waits until it is interrupted and says why, then waits until it is killed. With `uninterested` it never asks for the
 * signal.
 */
import { once } from 'node:events';
import { Interruption } from '../../src/cli/interruption.ts';

using interruption = new Interruption();
const idle = setInterval(() => {}, 1000);
if (process.argv[2] === 'uninterested') {
  console.log('ready');
} else {
  const { signal } = interruption;
  console.log('ready');
  await once(signal, 'abort');
  console.log(interruption.reason?.message);
}
await once(process, 'exit');
clearInterval(idle);
