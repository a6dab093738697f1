import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type ByteString, byteStringFromText } from '../base/index.ts';
import type { Action, Executor, Outcome, Place, RunOptions, Sandbox } from '../exec/index.ts';

/** Of this machine, static, so that it runs in a sandbox that has nothing else. */
export function findBusybox(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/bin', '/usr/bin'];
  const found = folders.map(folder => join(folder, 'busybox')).find(path => isExecutable(path));
  if (found === undefined) throw new Error("these tests need busybox: install Debian's package 'busybox-static'");
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Nobody's: of processes in sandboxes, if we are root. */
export const nobody = { user: 65534, group: 65534 } as const;

export const isRoot = process.getuid?.() === 0;

/** A sandbox with a shell in /bin/sh. */
export function shellSandbox(changes: Partial<Sandbox> = {}): Sandbox {
  return {
    kind: 'sandbox',
    network: 'private',
    hostName: 'test',
    user: { user: 1000, group: 100 },
    outsideUser: isRoot ? nobody : undefined,
    ...changes,
    mounts: [
      { kind: 'bind', from: findBusybox(), to: '/bin/busybox', writable: false },
      { kind: 'symlink', to: '/bin/sh', target: 'busybox' },
      { kind: 'proc', to: '/proc' },
      { kind: 'devices', to: '/dev' },
      { kind: 'tmpfs', to: '/tmp', mode: 0o1777 },
      ...(changes.mounts ?? []),
    ],
  };
}

/** Runs `script` in busybox's shell, whose own commands come first. */
export function shellAction(script: string, place: Place, changes: Partial<Action> = {}): Action {
  const text = byteStringFromText;
  return {
    program: text(place.kind === 'host' ? findBusybox() : '/bin/busybox'),
    argv: [text('sh'), text('-c'), text(script)],
    environment: new Map(),
    workingFolder: text('/'),
    limits: {},
    output: 'pipe',
    place,
    ...changes,
  };
}

export interface Ran {
  readonly outcome: Outcome;
  readonly output: string;
}

/** Runs `action` and keeps what it writes. */
export async function runAction(
  executor: Executor,
  action: Action,
  { signal, output = () => undefined }: Partial<RunOptions> = {},
): Promise<Ran> {
  const chunks: Buffer[] = [];
  const outcome = await executor.run(action, {
    signal,
    output: (chunk, stream) => {
      chunks.push(Buffer.from(chunk));
      output(chunk, stream);
    },
  });
  return { outcome, output: Buffer.concat(chunks).toString('latin1') };
}

export function variables(entries: Readonly<Record<string, string>>): Map<ByteString, ByteString> {
  return new Map(Object.entries(entries).map(([name, value]) => [byteStringFromText(name), byteStringFromText(value)]));
}
