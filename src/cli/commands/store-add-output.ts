import { basename } from 'node:path';
import { displayBytes } from '../../base/index.ts';
import type { ForeignDigest } from '../../castore/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import { LocalStore, addNode } from '../../store/index.ts';
import { nameFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openStoreAt } from '../open-store.ts';

/** `firn store add-output`: an output of an action, which `firn serve` executed or was told of, as a store path. */
export function storeAddOutput(context: CommandContext): Command {
  let action = '';
  let path = '';
  let instance = '';
  let givenName: string | undefined;
  return {
    summary: 'Adds an output of an action to the store, without copying it.',
    isStable: true,
    flags: [
      nameFlag('output', name => (givenName = name)),
      {
        long: 'instance',
        labels: ['name'],
        summary: 'The instance that the result belongs to, if not the default one.',
        apply: text => (instance = displayBytes(text)),
      },
    ],
    positionals: [
      { label: 'action', arity: 1, apply: text => (action = displayBytes(text)) },
      { label: 'output', arity: 1, apply: text => (path = displayBytes(text)) },
    ],
    run: async () => {
      const { signal, out } = context;
      const { ActionCache, outputNode } = await import('../../reapi/index.ts');
      await using store = await openStoreAt('local', context);
      if (!(store instanceof LocalStore)) throw new TypeError('the local store is no LocalStore');
      const key = { instance, action: await parseAction(action) };
      const found = await new ActionCache(store.blobs).get(key, { signal });
      const place = found && { result: found.result, digestFunction: key.action.function, path, signal };
      const node = place && (await outputNode(store.blobs, place));
      if (node === undefined) throw new CliError('action/no-output', noOutput(action, found && path));
      const info = await addNode(store, node, { name: givenName ?? basename(path), signal });
      out.byteLine(printStorePath(store.storeDir, info.path));
    },
  };
}

function noOutput(action: string, path: string | undefined): string {
  return path === undefined
    ? `no result of the action '${action}' is known`
    : `the action '${action}' has no output '${path}'`;
}

/** `[FUNCTION:]HASH/SIZE` */
async function parseAction(text: string): Promise<ForeignDigest> {
  const { digestOfMessage, isServedDigestFunction, requestedFunction } = await import('../../reapi/index.ts');
  const [, named, hash = '', size = ''] = /^(?:([a-z0-9]+):)?([0-9a-f]+)\/([0-9]{1,15})$/.exec(text) ?? [];
  if (hash === '') {
    const message = `'${text}' is no digest of an action: HASH/SIZE or FUNCTION:HASH/SIZE is`;
    throw new CliError('usage/bad-value', message);
  }
  const digestFunction = named !== undefined && isServedDigestFunction(named) ? named : requestedFunction(0, hash);
  return digestOfMessage({ hash, sizeBytes: BigInt(size) }, digestFunction, `'${text}'`);
}
