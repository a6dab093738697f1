import { displayBytes } from '../../base/index.ts';
import type { BasicDerivation } from '../../nix-compat/index.ts';
import type { Personality } from '../../exec/index.ts';
import type { BuildSettings } from './build-settings.ts';

/** What builders are told of the kernel: as C++ Nix has it, the same on every machine of a kind. */
export function builderPersonality(
  { platform }: Pick<BasicDerivation, 'platform'>,
  { system, showsLinux26 }: Pick<BuildSettings, 'system' | 'showsLinux26'>,
): Personality {
  const wanted = displayBytes(platform);
  return {
    linux32:
      wanted === 'i686-linux'
        ? system === 'x86_64-linux'
        : /^armv[5-7].*-linux$/.test(wanted) && system === 'aarch64-linux',
    linux26: showsLinux26 && (wanted === 'i686-linux' || wanted === 'x86_64-linux'),
    fixedAddresses: true,
  };
}
