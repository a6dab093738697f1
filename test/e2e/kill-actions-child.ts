/**
 * Runs actions without end, several at a time, in sandboxes and in the host, whose processes all have argv[2] in their
 * arguments; says when it begins. It is started very often, so it takes of `src/testing` only what it needs.
 */
import { writeSync } from 'node:fs';
import { LocalExecutor } from '../../src/exec/index.ts';
import { runAction, shellAction, shellSandbox } from '../../src/testing/test-actions.ts';

const [name = ''] = process.argv.slice(2);
const scripts = [
  `: ${name}`,
  `sh -c 'sleep 1000; : ${name}' & sleep 0.05; : ${name}`,
  `trap '' TERM HUP INT; sleep 0.1; : ${name}`,
  `(setsid sh -c 'sleep 1000; : ${name}' &); : ${name}`,
];

await using executor = new LocalExecutor();
writeSync(1, 'begin\n');
await Promise.all(
  scripts.map(async (script, index) => {
    for (let turn = index; ; turn++) {
      await runAction(executor, shellAction(script, turn % 3 === 0 ? { kind: 'host' } : shellSandbox()));
    }
  }),
);
