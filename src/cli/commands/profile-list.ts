import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { type ProfileElement, profileManifestToJson } from '../../engine/index.ts';
import { type StoreDir, expectArray, expectString, formatJson, printStorePath } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { readProfile } from '../environments/managed-profile.ts';
import { openCommandStore } from '../open-store.ts';
import { bold, normal, red } from '../render/ansi.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix profile list` */
export function profileList(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Lists the packages of a profile.',
    flags: [
      profile.flag,
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: [],
    run: async () => {
      await using store = await openCommandStore(context);
      const manifest = await readProfile(store, profile.path, context);
      if (json) {
        const value = profileManifestToJson(store.storeDir, manifest);
        context.out.byteLine(brandAs<ByteString>(formatJson(value, pretty ? 2 : undefined)));
        return;
      }
      const paragraphs = Array.from(manifest, ([name, element]) => describe(name, element, store.storeDir));
      for (const [at, lines] of paragraphs.entries()) {
        if (at > 0) context.out.line('');
        for (const line of lines) context.out.line(line);
      }
    },
  };
}

function describe(name: ByteString, { active, source, storePaths }: ProfileElement, storeDir: StoreDir): string[] {
  const paths = storePaths.map(path => displayBytes(printStorePath(storeDir, path))).join(' ');
  const lines = [
    `Name:               ${bold}${displayBytes(name)}${normal}${active ? '' : ` ${red}(inactive)${normal}`}`,
  ];
  if (source !== undefined) {
    const outputs = source.outputs === null ? '' : `^${expectArray(source.outputs).map(expectString).join(',')}`;
    lines.push(
      `Flake attribute:    ${displayBytes(source.attrPath)}${outputs}`,
      `Original flake URL: ${displayBytes(source.originalUrl)}`,
      `Locked flake URL:   ${displayBytes(source.url)}`,
    );
  }
  return [...lines, `Store paths:        ${paths}`];
}
