import { type ByteString, displayBytes } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { type Store, createGeneration, lockProfile, requireFacet, switchLink } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';

/** `--profile`: results become a generation of a profile. */
export class ProfileArgument {
  readonly flag: Flag;
  #profile: ByteString | undefined;

  constructor() {
    this.flag = {
      long: 'profile',
      labels: ['path'],
      summary: 'Let this profile lead to the result.',
      complete: completePath,
      apply: path => (this.#profile = path),
    };
  }

  /** Lets the profile, if one was named, lead to the one path. Throws `usage/not-one-path`, `store/unsupported`. */
  async update(store: Store, paths: readonly StorePath[]): Promise<void> {
    if (this.#profile === undefined) return;
    const [path, ...others] = paths;
    if (path === undefined || others.length > 0) {
      const requirement = "'--profile' requires that the arguments produce a single store path";
      throw new CliError('usage/not-one-path', `${requirement}, but there are ${paths.length}`);
    }
    const profile = displayBytes(absolutePath(this.#profile));
    using _lock = await lockProfile(profile);
    switchLink(profile, await createGeneration(requireFacet(store, 'collector', 'addPermRoot'), profile, path));
  }
}
