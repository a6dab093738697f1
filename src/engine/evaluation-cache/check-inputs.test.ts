import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { defaultStoreDir } from '../../nix-compat/index.ts';
import { FileSystemIO } from '../evaluation/file-system-io.ts';
import { areInputsSame } from './check-inputs.ts';
import { InputRecorder } from './input-recorder.ts';
import type { EvaluationInputs } from './inputs.ts';

const longAgo = 60_000;

/** A folder with something of each kind, and what an evaluation that is recorded sees of it. */
class Rig implements Disposable {
  readonly recorder: InputRecorder;
  readonly io: FileSystemIO;
  readonly variables = new Map([['LEVEL', '1']]);
  readonly #folder = mkdtempSync(join(tmpdir(), 'firn-inputs-'));

  /** As if everything had been changed `age` ms before it is read. */
  constructor(age = longAgo) {
    this.recorder = new InputRecorder(() => Date.now() + age);
    this.io = new FileSystemIO({
      storeDir: defaultStoreDir,
      want: () => undefined,
      environment: name => this.variables.get(name),
      say: () => undefined,
      workingFolder: byteStringFromText('/'),
      inputs: this.recorder,
    });
    mkdirSync(this.path('folder/inner'), { recursive: true });
    writeFileSync(this.path('file'), 'one');
    writeFileSync(this.path('folder/entry'), 'one');
    writeFileSync(this.path('folder/skipped'), 'one');
    symlinkSync('file', this.path('link'));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  at(name: string): ByteString {
    return byteStringFromText(this.path(name));
  }

  isSame(inputs: EvaluationInputs): boolean {
    return areInputsSame(inputs, name => this.variables.get(name));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

type Step = (rig: Rig) => unknown;

interface Case {
  readonly read: Step;
  /** What must be noticed. */
  readonly noticed: Readonly<Record<string, Step>>;
  /** What the evaluation cannot have seen. */
  readonly passedOver: Readonly<Record<string, Step>>;
}

const write = (name: string, text: string) => (rig: Rig) => writeFileSync(rig.path(name), text);
const touch = (name: string) => (rig: Rig) => utimesSync(rig.path(name), 1, 1);
const remove = (name: string) => (rig: Rig) => rmSync(rig.path(name), { recursive: true });
const beFolder = (name: string) => (rig: Rig) => {
  rmSync(rig.path(name), { force: true });
  mkdirSync(rig.path(name));
};

const cases: Readonly<Record<string, Case>> = {
  'the contents of a file': {
    read: rig => rig.io.readFile(rig.at('file')),
    noticed: { 'other contents': write('file', 'two'), removal: remove('file'), 'a folder instead': beFolder('file') },
    passedOver: { 'the same contents again': write('file', 'one'), 'another file': write('folder/entry', 'two') },
  },
  'what is at a path': {
    read: rig => rig.io.stat(rig.at('file')),
    noticed: {
      removal: remove('file'),
      'a folder instead': beFolder('file'),
      'permission to execute': rig => chmodSync(rig.path('file'), 0o755),
    },
    passedOver: { 'other contents': write('file', 'two') },
  },
  'that nothing is at a path': {
    read: rig => rig.io.stat(rig.at('new')),
    noticed: { 'a file': write('new', ''), 'a symlink to nothing': rig => symlinkSync('nothing', rig.path('new')) },
    passedOver: { 'another file': write('newer', '') },
  },
  'the entries of a folder': {
    read: rig => rig.io.readDirectory(rig.at('folder')),
    noticed: {
      'one more': write('folder/new', ''),
      'one less': remove('folder/entry'),
      'another name': rig => renameSync(rig.path('folder/entry'), rig.path('folder/other')),
      'another type': beFolder('folder/entry'),
      'no folder': remove('folder'),
    },
    passedOver: {
      'contents of an entry': write('folder/entry', 'two'),
      'entries of an entry': write('folder/inner/new', ''),
      'times of the folder': touch('folder'),
    },
  },
  'the target of a symlink': {
    read: rig => rig.io.readLink(rig.at('link')),
    noticed: {
      'another target': rig => {
        unlinkSync(rig.path('link'));
        symlinkSync('folder', rig.path('link'));
      },
      'no symlink': rig => {
        unlinkSync(rig.path('link'));
        writeFileSync(rig.path('link'), 'file');
      },
    },
    passedOver: { 'contents of what it leads to': write('file', 'two') },
  },
  'a tree that is added to the store': {
    read: rig => rig.io.addPath({ path: rig.at('folder'), name: 'x', method: 'nar' }),
    noticed: {
      'contents of a file': write('folder/entry', 'two'),
      'one more entry': write('folder/inner/new', ''),
      'permission to execute': rig => chmodSync(rig.path('folder/entry'), 0o755),
    },
    passedOver: { 'another file': write('file', 'two'), 'times of a file': touch('folder/entry') },
  },
  'a part of a tree that is added to the store': {
    read: rig =>
      rig.io.addPath({
        path: rig.at('folder'),
        name: 'x',
        method: 'nar',
        filter: path => !path.endsWith('/skipped') && !path.endsWith('/inner'),
      }),
    noticed: {
      'contents of a file': write('folder/entry', 'two'),
      'one more entry': write('folder/new', ''),
      'times of a file': touch('folder/entry'),
    },
    passedOver: {
      'contents of what is left out': write('folder/skipped', 'two'),
      'entries of what is left out': write('folder/inner/new', ''),
    },
  },
  'a variable of the environment': {
    read: rig => rig.io.environment('LEVEL'),
    noticed: { 'another value': rig => rig.variables.set('LEVEL', '2'), 'no value': rig => rig.variables.clear() },
    passedOver: { 'another variable': rig => rig.variables.set('OTHER', '2') },
  },
  'a file that others read': {
    read: rig => rig.recorder.otherFile(rig.at('file')),
    noticed: {
      'other contents': rig => writeFileSync(rig.path('file'), 'two'),
      'its removal': rig => rmSync(rig.path('file')),
    },
    passedOver: { 'a touch': rig => utimesSync(rig.path('file'), 1, 1) },
  },
  'a link to a file that others read': {
    read: rig => rig.recorder.otherFile(rig.at('link')),
    noticed: {
      'other contents': rig => writeFileSync(rig.path('file'), 'two'),
      'another target': rig => {
        rmSync(rig.path('link'));
        symlinkSync('folder/inner', rig.path('link'));
      },
    },
    passedOver: { 'a touch': rig => utimesSync(rig.path('file'), 1, 1) },
  },
  'a file that others look for': {
    read: rig => rig.recorder.otherFile(rig.at('none')),
    noticed: { 'its being there': rig => writeFileSync(rig.path('none'), '') },
    passedOver: { 'another file': rig => writeFileSync(rig.path('other'), '') },
  },
  'a variable that is not set': {
    read: rig => rig.io.environment('OTHER'),
    noticed: { 'a value': rig => rig.variables.set('OTHER', '') },
    passedOver: {},
  },
};

describe('what an evaluation has read', () => {
  for (const [what, { read, noticed, passedOver }] of Object.entries(cases)) {
    for (const [change, apply] of [...Object.entries(noticed), ...Object.entries(passedOver)]) {
      const isNoticed = Object.hasOwn(noticed, change);
      test(`${what}: ${change} is ${isNoticed ? 'noticed' : 'passed over'}`, () => {
        using rig = new Rig();
        read(rig);
        const inputs = rig.recorder.finish();
        assert.deepEqual([rig.recorder.isWhole, rig.isSame(inputs)], [true, true]);
        apply(rig);
        assert.equal(rig.isSame(inputs), !isNoticed);
      });
    }
  }

  test('is read again where it was changed just before: times do not tell the next change', () => {
    using rig = new Rig(0);
    rig.io.readFile(rig.at('file'));
    rig.io.readDirectory(rig.at('folder'));
    const inputs = rig.recorder.finish();
    assert.ok([...inputs.files.marks, ...inputs.directories.marks].some(Number.isNaN));
    assert.equal(rig.isSame(inputs), true);
    writeFileSync(rig.path('file'), 'two');
    assert.equal(rig.isSame(inputs), false);
  });

  test('is not whole where it changed meanwhile, could not be read, or was the time', () => {
    const losses: readonly Step[] = [
      rig => {
        rig.io.readFile(rig.at('file'));
        writeFileSync(rig.path('file'), 'longer');
        rig.io.readFile(rig.at('file'));
      },
      rig => assert.throws(() => rig.io.readFile(rig.at('absent'))),
      rig => assert.throws(() => rig.io.readDirectory(rig.at('file'))),
      rig => rig.io.now(),
    ];
    for (const lose of losses) {
      using rig = new Rig();
      lose(rig);
      assert.equal(rig.recorder.isWhole, false);
    }
  });
});
