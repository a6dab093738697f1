import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringOf, displayBytes } from '../../base/index.ts';
import {
  type InputAttributes,
  commitKeysOf,
  evalError,
  flagAttribute,
  inputFromAttributes,
  inputToUrl,
  textAttribute,
  verifyingAttributes,
} from '../../eval/index.ts';
import { decodeBase64, formatHash, hashBytes } from '../../nix-compat/index.ts';
import { withTrace } from '../evaluation/with-trace.ts';
import type { FetchContext } from './fetch-tree.ts';
import { type GitOptions, spawnGit } from './run-git.ts';

/** What OpenSSH calls the kinds of keys; in the order in which C++ Nix lists them. */
const keyTypes: ReadonlyMap<string, string> = new Map([
  ['ssh-ed25519-sk', 'sk-ssh-ed25519@openssh.com'],
  ['ssh-rsa', 'ssh-rsa'],
  ['ssh-dsa', 'ssh-dsa'],
  ['ssh-ecdsa', 'ssh-ecdsa'],
  ['ssh-ecdsa-sk', 'sk-ecdsa-sha2-nistp256@openssh.com'],
  ['ssh-ed25519', 'ssh-ed25519'],
]);

/** Throws where signatures are asked for and may not be. */
export function requireVerification(input: InputAttributes, { requireFeature }: FetchContext): void {
  if ([...input.keys()].some(name => verifyingAttributes.has(name))) requireFeature('verified-fetches');
}

/** Whether a commit must be signed: where keys are named, unless it says otherwise. */
function wantsSignature(input: InputAttributes): boolean {
  return flagAttribute(input, 'verifyCommit') ?? commitKeysOf(input).length > 0;
}

/** Throws `eval/error` for a work tree that is no commit, where a commit must be signed. */
export function refuseDirty(input: InputAttributes): void {
  if (!wantsSignature(input)) return;
  const name = inputToUrl(inputFromAttributes(input));
  throw evalError`commit verification is required for Git repository '${name}', but it's dirty`;
}

/** Throws `eval/error` unless the commit that `input` names is signed by one of its keys, where that is asked for. */
export async function verifyCommit(git: GitOptions, input: InputAttributes, context: FetchContext): Promise<void> {
  if (!wantsSignature(input)) return;
  const rev = textAttribute(input, 'rev') ?? '';
  const keys = commitKeysOf(input);
  const signers = keys.map(({ type, key }) => {
    const name = keyTypes.get(type);
    if (name !== undefined) return `* ${name} ${key}\n`;
    const known = [...keyTypes.keys()].map(each => `  ${each}\n`).join('');
    throw evalError(["Invalid SSH key type '", `' in publicKeys.\nPlease use one of:\n${known}`], type);
  });
  const { status, said } = await checkSignature({ git, rev, signers: signers.join('') }, context);
  const fingerprints = keys.map(({ key }) => {
    return withTrace({ text: `while decoding public key '${key}' used for git signature` }, () => fingerprintOf(key));
  });
  // A key of the user's own, of another kind, would do for git.
  const by = /^Good "git" signature for \* with .* key SHA256:(\S+)$/m.exec(said)?.[1];
  if (status !== 0 || by === undefined || !fingerprints.includes(by)) {
    throw evalError`Commit signature verification on commit ${rev} failed: ${said}`;
  }
  context.download.reporter.log('talkative', () => `Signature verification on commit ${rev} succeeded.`);
}

async function checkSignature(
  { git, rev, signers }: { readonly git: GitOptions; readonly rev: string; readonly signers: string },
  { downloads }: FetchContext,
): Promise<{ readonly status: number | undefined; readonly said: string }> {
  const folder = mkdtempSync(join(downloads(), 'signers-'));
  try {
    const file = join(folder, 'allowed-signers');
    writeFileSync(file, signers);
    const args = ['-c', `gpg.ssh.allowedSignersFile=${file}`, 'verify-commit', rev];
    const { status, output, said } = await spawnGit(args, git);
    return { status, said: displayBytes(byteStringOf(Buffer.concat([output, said]))) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As OpenSSH prints it, behind `SHA256:`. */
function fingerprintOf(key: string): string {
  return formatHash(hashBytes('sha256', decodeBase64(key)), 'base64').replace(/=+$/, '');
}
