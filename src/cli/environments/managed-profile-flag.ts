import { displayBytes } from '../../base/index.ts';
import { defaultProfile, linkDefaultProfile } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { absolutePath } from '../paths.ts';
import { profileEnvironment } from '../profile-environment.ts';

/** The flag `--profile` of commands that work on a profile: the user's unless given. */
export class ManagedProfileFlag {
  readonly flag: Flag;
  readonly #context: CommandContext;
  #chosen: string | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
    this.flag = {
      long: 'profile',
      labels: ['path'],
      summary: 'Work on this profile.',
      complete: completePath,
      apply: path => (this.#chosen = displayBytes(absolutePath(path))),
    };
  }

  /** Its path; links to the user's are made where they are absent. */
  get path(): string {
    if (this.#chosen !== undefined) return this.#chosen;
    const places = profileEnvironment(this.#context.environment.dataFolder, this.#context);
    linkDefaultProfile(places);
    return defaultProfile(places);
  }
}
