import type { Mount, Sandbox, UserIds } from '../../exec/index.ts';
import { type ActionDaemon, daemonSocket } from './action-daemons.ts';
import type { ActionPlan } from './action-plan.ts';
import { hostMounts, identityFiles } from './host-mounts.ts';
import { hasOwnRoot, networkProperty } from './platform.ts';
import type { RootFs, StoreView } from './store-views.ts';
import { treeMounts } from './tree-mounts.ts';

/** Where an action sees its input root, the same on every machine, if not as the root of all. */
const usualPlace = '/build';

/** As an action sees itself. */
const idsInside: UserIds = { user: 1000, group: 1000 };

export interface ActionPlaceRequest {
  readonly plan: ActionPlan;
  /** Of this machine, shown read-only to actions that name neither closure nor root file system. */
  readonly hostPaths: readonly string[];
  /** Whether actions have this machine's network. */
  readonly network: boolean;
  /** The input root on this machine's disk. */
  readonly root: string;
  readonly view: StoreView | undefined;
  readonly daemon: ActionDaemon | undefined;
  readonly owner: UserIds | undefined;
}

/** Where an action sees its input root; empty for the root of all. */
export function inputRootPlace(plan: ActionPlan): string {
  return hasOwnRoot(plan.platform) ? '' : usualPlace;
}

/** All that an action finds. */
export function actionSandbox({
  plan,
  hostPaths,
  root,
  view,
  daemon,
  owner,
  ...settings
}: ActionPlaceRequest): Sandbox {
  const network = settings.network && !plan.platform.has(networkProperty);
  return {
    kind: 'sandbox',
    mounts: [
      ...rootMounts({ plan, hostPaths, root, view, network }),
      ...(view?.mounts ?? []),
      ...daemonMounts(daemon),
      { kind: 'devices', to: '/dev' },
      privateFolder('/dev/shm', plan),
      { kind: 'proc', to: '/proc' },
    ],
    resources: plan.wanted.resources,
    network: network ? 'host' : 'private',
    hostName: 'localhost',
    user: idsInside,
    outsideUser: owner,
  };
}

function daemonMounts(daemon: ActionDaemon | undefined): Mount[] {
  if (daemon === undefined) return [];
  return [{ kind: 'bind', from: daemon.socket, to: daemonSocket, writable: true, is: 'file' }];
}

function rootMounts(
  request: Pick<ActionPlaceRequest, 'plan' | 'hostPaths' | 'root' | 'view'> & { readonly network: boolean },
): Mount[] {
  const { plan, root, view, network } = request;
  if (hasOwnRoot(plan.platform)) return withUsualFiles(treeMounts(root), plan, network);
  const build: Mount = { kind: 'bind', from: root, to: usualPlace, writable: true, is: 'folder' };
  if (view?.rootFs !== undefined) return [...withUsualFiles(view.rootFs, plan, network), build];
  const hostPaths = plan.store === undefined ? request.hostPaths : [];
  return [
    { kind: 'folder', to: '/etc', mode: 0o755 },
    ...hostMounts({ paths: hostPaths, network }),
    ...identityFiles(idsInside, network),
    privateFolder('/tmp', plan),
    privateFolder('/var/tmp', plan),
    build,
  ];
}

/** With what programs expect to be there and that tree lacks. */
function withUsualFiles({ mounts, names }: RootFs, plan: ActionPlan, network: boolean): Mount[] {
  return [
    ...mounts,
    ...(names.has('etc') ? [] : identityFiles(idsInside, network)),
    ...(names.has('tmp') ? [] : [privateFolder('/tmp', plan)]),
  ];
}

/** In memory, and as large as what the action may fill of the disk. */
function privateFolder(to: string, { wanted: { disk: size } }: ActionPlan): Mount {
  return { kind: 'tmpfs', to, mode: 0o1777, ...(size === undefined ? {} : { size }) };
}
