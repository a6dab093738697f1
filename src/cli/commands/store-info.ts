import { type JsonValue, formatJson, jsonObject } from '../../nix-compat/index.ts';
import { type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import { type KeeperInfo, LocalStore, type Store } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { nixVersion } from '../version.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix store info` */
export function storeInfo(context: CommandContext): Command {
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Says whether a store can be used, and which it is.',
    flags: [
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: [],
    run: async () => {
      await using store = await openCommandStore(context);
      const { version, trustsUs } = await keeperOf(store, context.signal);
      if (json) {
        const fields: Record<string, JsonValue> = { url: byteStringFromText(store.uri) };
        if (trustsUs !== undefined) fields['trusted'] = trustsUs;
        if (version !== undefined) fields['version'] = byteStringFromText(version);
        context.out.byteLine(brandAs<ByteString>(formatJson(jsonObject(fields), pretty ? 2 : undefined)));
        return;
      }
      context.log.log('notice', `Store URL: ${store.uri}`);
      if (version !== undefined) context.log.log('notice', `Version: ${version}`);
      if (trustsUs !== undefined) context.log.log('notice', `Trusted: ${trustsUs ? 1 : 0}`);
    },
  };
}

/** Who keeps the store, whom it takes to be asked. Binary caches are kept by none. */
async function keeperOf(store: Store, signal: AbortSignal): Promise<KeeperInfo> {
  if (store.keeper !== undefined) return store.keeper({ signal });
  return { version: store instanceof LocalStore ? nixVersion : undefined, trustsUs: true };
}
