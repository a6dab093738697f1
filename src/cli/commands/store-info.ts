import { type JsonValue, formatJson, jsonObject } from '../../nix-compat/index.ts';
import { type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import { LocalStore, type Store } from '../../store/index.ts';
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
      const version = versionOf(store);
      if (json) {
        const fields: Record<string, JsonValue> = { trusted: true, url: byteStringFromText(store.uri) };
        if (version !== undefined) fields['version'] = byteStringFromText(version);
        context.out.byteLine(brandAs<ByteString>(formatJson(jsonObject(fields), pretty ? 2 : undefined)));
        return;
      }
      context.log.log('notice', `Store URL: ${store.uri}`);
      if (version !== undefined) context.log.log('notice', `Version: ${version}`);
      context.log.log('notice', 'Trusted: 1');
    },
  };
}

/** Of the Nix that keeps the store. Binary caches are kept by none. */
function versionOf(store: Store): string | undefined {
  return store instanceof LocalStore ? nixVersion : undefined;
}
