import { bytesOf } from '../base/index.ts';
import {
  type PathInfo,
  type PublicKey,
  type Realisation,
  type RootClaim,
  type Signature,
  type StoreDir,
  countValidSignatures,
  fingerprintRealisation,
  fingerprintRoot,
  isContentAddressed,
  isSigned,
  verifySignature,
} from '../nix-compat/index.ts';

/** What signatures paths must have that come from places which are not trusted themselves. */
export interface TrustPolicy {
  readonly requireSignatures: boolean;
  /** By name. */
  readonly trustedKeys: ReadonlyMap<string, PublicKey>;
}

/** The keys under which an info was found to be signed. Verifying takes 0.1 ms, and is asked for where a path is looked for and where it is added. */
const signedUnder = new WeakMap<PathInfo, TrustPolicy['trustedKeys']>();

/** As `isTrustedInfo`, which need not look at the signatures again then: for many infos, they are verified on other threads. */
export async function learnTrust(storeDir: StoreDir, policy: TrustPolicy, info: PathInfo): Promise<boolean> {
  const { requireSignatures, trustedKeys } = policy;
  const isKnown = !requireSignatures || info.narSize === 0 || signedUnder.get(info) === trustedKeys;
  if (isKnown) return isTrustedInfo(storeDir, policy, info);
  if (!(await isSigned(storeDir, info, trustedKeys))) return isContentAddressed(storeDir, info);
  signedUnder.set(info, trustedKeys);
  return true;
}

/** Whether what `info` says may be taken for true: it is content-addressed, signed by a trusted key, or need not be. */
export function isTrustedInfo(
  storeDir: StoreDir,
  { requireSignatures, trustedKeys }: TrustPolicy,
  info: PathInfo,
): boolean {
  if (!requireSignatures || signedUnder.get(info) === trustedKeys) return true;
  // A signature is of the size, too.
  if (info.narSize > 0 && countValidSignatures(storeDir, info, trustedKeys) > 0) {
    signedUnder.set(info, trustedKeys);
    return true;
  }
  return isContentAddressed(storeDir, info);
}

/** Whether a trusted key has signed what an output turned out to be, or none need have. */
export function isTrustedRealisation(
  { requireSignatures, trustedKeys }: TrustPolicy,
  realisation: Realisation,
): boolean {
  if (!requireSignatures) return true;
  const fingerprint = bytesOf(fingerprintRealisation(realisation));
  return realisation.signatures.some(signature => verifySignature(trustedKeys, fingerprint, signature));
}

/** For messages: whose word something is. */
export function describeSigners(signatures: readonly Signature[]): string {
  return signatures.length === 0
    ? ' (not signed)'
    : ` (signed by ${signatures.map(({ keyName }) => keyName).join(', ')})`;
}

/** Whether a trusted key has signed that the tree of `info` is what `claim` says, or none need have. */
export function isTrustedClaim(
  storeDir: StoreDir,
  { requireSignatures, trustedKeys }: TrustPolicy,
  { info, claim }: { readonly info: Pick<PathInfo, 'path' | 'narHash'>; readonly claim: RootClaim },
): boolean {
  if (!requireSignatures) return true;
  const fingerprint = bytesOf(fingerprintRoot(storeDir, info, claim.root));
  return claim.signatures.some(signature => verifySignature(trustedKeys, fingerprint, signature));
}
