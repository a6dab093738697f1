import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import {
  type Label,
  type ScriptMachine,
  SystemCallScript,
  isScriptMachine,
  parseReports,
} from './system-call-script.ts';

const text = byteStringFromText;
const here = -100;

function machine(): ScriptMachine {
  if (!isScriptMachine(process.arch)) throw new Error(`there are no scripts for ${process.arch}`);
  return process.arch;
}

function execute(script: SystemCallScript): {
  status: number | null;
  output: string;
  reports: ReturnType<typeof parseReports>;
} {
  using folder = temporaryFolder();
  const path = join(folder.path, 'script');
  writeFileSync(path, script.assemble());
  chmodSync(path, 0o755);
  const { status, stdout, output } = spawnSync(path, [], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  const reported: Buffer | string | null | undefined = output[3];
  assert.ok(Buffer.isBuffer(reported));
  return { status, output: stdout.toString(), reports: parseReports(reported) };
}

describe('SystemCallScript', () => {
  test('makes calls one after the other', () => {
    const script = new SystemCallScript(machine());
    for (const word of ['one ', 'two ', 'one ']) script.call('write', [1, script.text(text(word)), 4]);
    script.call('exit_group', [7]);
    assert.deepEqual(execute(script), { status: 7, output: 'one two one ', reports: [] });
  });

  test('reports the call that fails, and ends', () => {
    const script = new SystemCallScript(machine());
    script.call('write', [1, script.text(text('x')), 1]);
    const failing = script.call('chdir', [script.text(text('/none/such'))]);
    script.call('write', [1, script.text(text('y')), 1]);
    assert.deepEqual(execute(script), { status: 127, output: 'x', reports: [{ entry: failing, result: -2 }] });
  });

  test('goes on after failures that do not matter, and jumps', () => {
    const script = new SystemCallScript(machine());
    const failed: Label = { entry: undefined };
    const positive: Label = { entry: undefined };
    script.call('chdir', [script.text(text('/none/such'))], { onError: 'next' });
    script.call('chdir', [script.text(text('/none/such'))], { onError: failed });
    script.call('write', [1, script.text(text('no')), 2]);
    script.place(failed);
    script.call('chdir', [script.text(text('/'))], { onPositive: positive });
    script.call('write', [1, script.text(text('a')), 1], { onPositive: positive });
    script.call('write', [1, script.text(text('no')), 2]);
    script.place(positive);
    const last = script.call('write', [1, script.text(text('bc')), 2]);
    script.call('write', [3, script.entry(last), 88]);
    script.call('exit_group', [0]);
    assert.deepEqual(execute(script), { status: 0, output: 'abc', reports: [{ entry: last, result: 2 }] });
  });

  test('has arrays of strings, and bytes of any length', () => {
    const script = new SystemCallScript(machine());
    const bytes = Buffer.from('x'.repeat(100_001));
    script.call('openat', [here, script.text(text('/dev/null')), 1, 0]);
    script.call('write', [4, script.bytes(bytes), bytes.byteLength]);
    script.call('write', [1, script.bytes(Buffer.from('odd')), 3]);
    script.call('execve', [
      script.text(text('/bin/sh')),
      script.texts(['sh', '-c', 'echo "$0 $A $1"', 'zero', ''].map(text)),
      script.texts(['A=b'].map(text)),
    ]);
    assert.deepEqual(execute(script), { status: 0, output: 'oddzero b \n', reports: [] });
  });
});
