import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMountTable } from '../../base/index.ts';

/** Where groups of a controller can be made. */
export interface ControllerPlace {
  /** A control group of this machine. */
  readonly folder: string;
  readonly version: 1 | 2;
}

const names = ['cpu', 'memory', 'pids'] as const;

/** Those that we may make groups of. */
export type Controllers = { readonly [name in (typeof names)[number]]?: ControllerPlace | undefined };

/**
 * Below the groups that this process is in: version 2 where it has the controller, else version 1. `proc` is for tests.
 *
 * A group of version 2 with processes gives its controllers to no groups below it, unless it is the root: then there are none.
 */
export function findControllers(proc = '/proc'): Controllers {
  const mounts = parseMountTable(readText(join(proc, 'self/mounts')));
  const groups = readLines(join(proc, 'self/cgroup')).map(line => line.split(':'));
  const own = (mount: string, name: string): string | undefined => {
    const path = groups
      .find(([, controllers = '']) => controllers.split(',').includes(name))
      ?.slice(2)
      .join(':');
    return path === undefined ? undefined : join(mount, path);
  };
  const place = (name: string): ControllerPlace | undefined => {
    const unified = mounts.find(({ type }) => type === 'cgroup2')?.place;
    const folder = unified === undefined ? undefined : own(unified, '');
    if (folder !== undefined && gives(folder, name)) return { folder, version: 2 };
    const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(name))?.place;
    const legacy = mount === undefined ? undefined : own(mount, name);
    return legacy !== undefined && isWritable(legacy) ? { folder: legacy, version: 1 } : undefined;
  };
  return { cpu: place('cpu'), memory: place('memory'), pids: place('pids') };
}

/** Whether groups below `folder` have the controller, now if not before. */
function gives(folder: string, name: string): boolean {
  const has = () => (readLines(join(folder, 'cgroup.subtree_control'))[0] ?? '').split(' ').includes(name);
  if (!isWritable(folder)) return false;
  if (has()) return true;
  if (!(readLines(join(folder, 'cgroup.controllers'))[0] ?? '').split(' ').includes(name)) return false;
  try {
    writeFileSync(join(folder, 'cgroup.subtree_control'), `+${name}`);
    return has();
  } catch {
    // It has processes, us among them.
    return false;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return existsSync(join(folder, 'cgroup.procs'));
  } catch {
    return false;
  }
}

function readLines(file: string): string[] {
  return readText(file)
    .split('\n')
    .filter(line => line !== '');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
