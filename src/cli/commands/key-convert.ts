import { NixCompatError, SecretKey } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { readStandardInput } from '../read-input.ts';
import { addTrace } from '../render/trace.ts';

const maxKeySize = 64 * 1024;

/** `nix key convert-secret-to-public` */
export function keyConvertSecretToPublic({ out }: CommandContext): Command {
  return {
    summary: 'Prints the public key of the secret key on standard input.',
    flags: [],
    positionals: [],
    run: () => {
      const text = readStandardInput(maxKeySize).toString('utf8');
      out.write(Buffer.from(parseSecretKey(text).publicKey.toString()));
    },
  };
}

function parseSecretKey(text: string): SecretKey {
  try {
    return SecretKey.parse(text);
  } catch (error) {
    // What is malformed has no name that could be shown without showing a secret.
    if (error instanceof NixCompatError && error.code === 'key/malformed') {
      addTrace(error, "while decoding key named ''");
    }
    throw error;
  }
}
