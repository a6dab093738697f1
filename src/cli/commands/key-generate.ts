import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { SecretKey } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';

/** `nix key generate-secret` */
export function keyGenerateSecret({ out }: CommandContext): Command {
  let name = byteStringFromText('');
  return {
    summary: 'Makes a secret key to sign store paths with.',
    flags: [
      {
        long: 'key-name',
        labels: ['name'],
        summary: 'What signatures call the key (cache.example.org-1).',
        required: true,
        apply: given => (name = given),
      },
    ],
    positionals: [],
    run: () => out.write(Buffer.from(SecretKey.generate(displayBytes(name)).format())),
  };
}
