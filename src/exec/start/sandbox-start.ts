/**
 * The system calls that make a sandbox and become the action's program in it.
 *
 * The first process goes into new namespaces and starts a second one, the first of the process namespace, as its own
 * parent's child: whoever started it, the spawner, learns how the program ended. The second makes the file system as the
 * root of a user namespace, then goes into one more, in which the file system is not its own, and has the user ids that
 * were asked for. It dies with the spawner.
 *
 * One that has many ids (`idCount`) gets them from the spawner, which is root, while the second process waits: that is root
 * of a user namespace, takes its first id and stays there.
 */
import { byteStringFromText } from '../../base/index.ts';
import type { Action, Sandbox, UserIds } from '../action.ts';
import { MountScript, type OverlayMount } from './mount-script.ts';
import { type StartProgram, StartScript, lifeDescriptor } from './start-script.ts';
import {
  type Label,
  type ScriptMachine,
  type SystemCallScript,
  reportDescriptor,
  reportSize,
} from './system-call-script.ts';

const text = byteStringFromText;
/** `AT_FDCWD`. */
const here = -100;

/** `CLONE_NEW*` */
const newNamespaces = {
  user: 0x10000000,
  mount: 0x20000,
  process: 0x20000000,
  network: 0x40000000,
  ipc: 0x08000000,
  name: 0x04000000,
};
const newCgroupNamespace = 0x02000000;
const cloneParent = 0x8000;
const SIGCHLD = 17;
const O_WRONLY = 1;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/** Descriptors are given by number, lowest first: of `/proc/self`, kept until the last user namespace, and of all others. */
const selfDescriptor = lifeDescriptor + 1;
const nextDescriptor = selfDescriptor + 1;

export type SandboxAction = Action & { readonly place: Sandbox };

export function isSandboxAction(action: Action): action is SandboxAction {
  return action.place.kind === 'sandbox';
}

export interface SandboxOptions {
  readonly machine: ScriptMachine;
  /** Whose process makes it. */
  readonly outside: UserIds;
  readonly filter: Uint8Array | undefined;
}

/** Makes the sandbox of `action` and becomes its program there. */
export function sandboxStart(action: SandboxAction, { machine, outside, filter }: SandboxOptions): StartProgram {
  const { place: sandbox } = action;
  if (sandbox.idCount !== undefined) return manyIdsStart(action, { machine, outside, filter });
  const start = new StartScript(machine);
  const { script } = start;
  const parent: Label = { entry: undefined };

  if (sandbox.controlGroup !== undefined || sandbox.resources !== undefined) {
    start.stage('namespaces', 'waiting for the control group');
    start.waitForStarter();
  }
  if (sandbox.outsideUser === undefined) {
    start.stage('groups', 'dropping supplementary groups');
    script.call('setgroups', [0, 0], sandbox.requiresNoGroups === true ? {} : { onError: 'next' });
  }
  start.stage('namespaces', 'making namespaces');
  script.call('umask', [0]);
  // As C++ Nix has it, so that builds differ less.
  start.takePersonality({ ...sandbox.personality, fixedAddresses: true });
  script.call('unshare', [namespacesOf(sandbox)]);
  script.call('unshare', [newCgroupNamespace], { onError: 'next' });
  script.call('openat', [here, script.text(text('/proc/self')), O_PATH | O_CLOEXEC, 0]);
  writeFile(script, 'setgroups', 'deny');
  mapUser(script, { user: 0, group: 0 }, outside);
  script.call('close', [selfDescriptor]);
  const cloneEntry = script.call('clone', [cloneParent | SIGCHLD, 0, 0, 0, 0], { onPositive: parent });

  start.stage('namespaces', 'preparing the first process');
  start.dieWithParent();
  prepareFirst(script, sandbox);

  start.stage('namespaces', 'replacing the root');
  const mounts = new MountScript(script, nextDescriptor);
  mounts.begin(rootOverlay(sandbox));
  script.call('openat', [here, script.text(text(`${mounts.oldRoot}/proc/self`)), O_PATH | O_CLOEXEC, 0]);
  addMounts(start, mounts, sandbox);
  // Root's ids outside are those that the kernel's settings belong to.
  if (outside.user === 0) mounts.protectKernel(sandbox.mounts);
  mounts.end({ sealsRoot: rootOverlay(sandbox) === undefined });

  start.stage('namespaces', 'taking the user ids');
  script.call('unshare', [newNamespaces.user]);
  mapUser(script, sandbox.user, { user: 0, group: 0 });
  start.stage('mounts', 'entering the working folder');
  script.call('chdir', [script.text(action.workingFolder)]);
  start.stage('namespaces', 'giving up privileges');
  giveUpPrivileges(script, { filter, descriptor: nextDescriptor });
  start.become(action);
  return finish(start, { parent, cloneEntry });
}

/** As `sandboxStart`, with ids that whoever started it gives to the second process before it lets that go on. */
function manyIdsStart(action: SandboxAction, { machine, filter }: SandboxOptions): StartProgram {
  const { place: sandbox } = action;
  const start = new StartScript(machine);
  const { script } = start;
  const parent: Label = { entry: undefined };
  // Nothing of `/proc/self` is open: its number is the lowest.
  const descriptor = selfDescriptor;

  start.stage('namespaces', 'making namespaces');
  script.call('umask', [0]);
  start.takePersonality({ ...sandbox.personality, fixedAddresses: true });
  const flags = cloneParent | SIGCHLD | namespacesOf(sandbox);
  const cloneEntry = script.call('clone', [flags, 0, 0, 0, 0], { onPositive: parent });

  start.stage('namespaces', 'taking the user ids');
  start.waitForStarter();
  script.call('setgroups', [0, 0]);
  script.call('setresgid', [0, 0, 0]);
  script.call('setresuid', [0, 0, 0]);
  // Not before: who takes other ids does not die with the parent any more.
  start.dieWithParent();
  script.call('unshare', [newCgroupNamespace], { onError: 'next' });
  start.stage('namespaces', 'preparing the first process');
  prepareFirst(script, sandbox);

  start.stage('namespaces', 'replacing the root');
  const mounts = new MountScript(script, descriptor);
  mounts.begin(rootOverlay(sandbox));
  addMounts(start, mounts, sandbox);
  mounts.end({ sealsRoot: false });
  start.stage('mounts', 'entering the working folder');
  script.call('chdir', [script.text(action.workingFolder)]);
  start.stage('namespaces', 'giving up privileges');
  giveUpPrivileges(script, { filter, descriptor });
  start.become(action);
  return finish(start, { parent, cloneEntry });
}

function namespacesOf({ network: kind }: Sandbox): number {
  const { user, mount, process, network, ipc, name } = newNamespaces;
  return user | mount | process | ipc | name | (kind === 'private' ? network : 0);
}

function prepareFirst(script: SystemCallScript, sandbox: Sandbox): void {
  script.call('setsid', []);
  const hostName = text(sandbox.hostName);
  script.call('sethostname', [script.text(hostName), hostName.length]);
  if (sandbox.network === 'private') startLoopback(script);
}

function rootOverlay({ mounts: [first] }: Sandbox): OverlayMount | undefined {
  return first?.kind === 'overlay' && first.to === '/' ? first : undefined;
}

function addMounts(start: StartScript, mounts: MountScript, sandbox: Sandbox): void {
  const root = rootOverlay(sandbox);
  for (const each of sandbox.mounts) {
    if (each === root) continue;
    // Without those two no sandbox is of use: that they fail is not the action's fault.
    start.stage(each.kind === 'proc' || each.kind === 'devices' ? 'namespaces' : 'mounts', `mounting ${each.to}`);
    mounts.add(each);
  }
  start.stage('namespaces', 'leaving the host’s root');
}

/** What the first process does once it has started the second. */
function finish(
  start: StartScript,
  { parent, cloneEntry }: { readonly parent: Label; readonly cloneEntry: number },
): StartProgram {
  const { script } = start;
  script.place(parent);
  script.call('write', [reportDescriptor, script.entry(cloneEntry), reportSize]);
  script.call('exit_group', [0]);
  return start.finish(cloneEntry);
}

/** Of `/proc/self`. */
function writeFile(script: SystemCallScript, name: string, contents: string): void {
  const bytes = text(contents);
  script.call('openat', [selfDescriptor, script.text(text(name)), O_WRONLY | O_CLOEXEC, 0]);
  script.call('write', [nextDescriptor, script.text(bytes), bytes.length]);
  script.call('close', [nextDescriptor]);
}

/** In the user namespace that this process has just gone into, `inside` is `outside` of the one around it. */
function mapUser(script: SystemCallScript, inside: UserIds, outside: UserIds): void {
  writeFile(script, 'uid_map', `${inside.user} ${outside.user} 1\n`);
  writeFile(script, 'gid_map', `${inside.group} ${outside.group} 1\n`);
}

function startLoopback(script: SystemCallScript): void {
  const [AF_INET, SOCK_DGRAM, SIOCSIFFLAGS] = [2, 2, 0x8914];
  const upLoopbackRunning = 0x1 | 0x8 | 0x40;
  // struct ifreq: a name of 16 bytes, a union of 24.
  const request = Buffer.alloc(40);
  request.write('lo');
  request.writeUInt16LE(upLoopbackRunning, 16);
  script.call('socket', [AF_INET, SOCK_DGRAM | O_CLOEXEC, 0]);
  script.call('ioctl', [selfDescriptor, SIOCSIFFLAGS, script.bytes(request)]);
  script.call('close', [selfDescriptor]);
}

/** `descriptor` is the number that an opened file gets. */
function giveUpPrivileges(
  script: SystemCallScript,
  { filter, descriptor: ruleset }: { readonly filter: Uint8Array | undefined; readonly descriptor: number },
): void {
  const setDescriptorFlags = 2;
  for (const descriptor of [reportDescriptor, lifeDescriptor])
    script.call('fcntl', [descriptor, setDescriptorFlags, 1]);
  const setNoNewPrivileges = 38;
  script.call('prctl', [setNoNewPrivileges, 1, 0, 0, 0]);
  // Abstract sockets belong to network namespaces, and the host's may be shared. Linux 6.12 and newer can.
  const unscoped: Label = { entry: undefined };
  const scopeAbstractSockets = 1;
  script.call('landlock_create_ruleset', [script.words([0, 0, scopeAbstractSockets]), 24, 0], { onError: unscoped });
  script.call('landlock_restrict_self', [ruleset, 0]);
  script.place(unscoped);
  if (filter === undefined) return;
  const setModeFilter = 1;
  script.call('seccomp', [setModeFilter, 0, script.words([filter.byteLength / 8, script.bytes(filter)])]);
}
