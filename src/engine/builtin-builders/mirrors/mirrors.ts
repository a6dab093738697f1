import { EngineError } from '../../error.ts';
import { debianPlaces } from './debian-places.ts';
import { type MirrorPlace, type MirrorsOptions, placeBelow } from './mirror-place.ts';
import { npmPlaces } from './npm-places.ts';

/** Says of a mirror's file, whose path may have a query, where it is; none where the machine has no such client. */
type FindPlaces = (path: string, options: MirrorsOptions) => Promise<readonly MirrorPlace[]>;

const clients: ReadonlyMap<string, FindPlaces> = new Map([
  ['debian', debianPlaces],
  ['npm', npmPlaces],
]);

const clientNames: ReadonlyMap<string, string> = new Map([
  ['debian', 'apt has no sources of Debian’s'],
  ['npm', 'npm says of no registry'],
]);

/**
 * What `mirror://NAME/PATH` stands for on this machine: for `npm` and `debian` what the machine's own clients are
 * configured to use, then what Firn is configured with for the name.
 */
export class Mirrors {
  readonly #options: MirrorsOptions;

  constructor(options: MirrorsOptions) {
    this.#options = options;
  }

  /** In the order in which they are to be tried; at least one. Throws `mirror/unknown` and `mirror/bad-url`. */
  async places(url: string): Promise<readonly MirrorPlace[]> {
    const [, name, path] = /^mirror:\/\/([^/]+)\/+([^/].*)$/.exec(url) ?? [];
    if (name === undefined || path === undefined) {
      throw new EngineError('mirror/bad-url', `'${url}' is not of the form 'mirror://NAME/PATH'`);
    }
    const found = await clients.get(name)?.(path, this.#options);
    const places = [...(found ?? []), ...this.#configured(name, path)];
    if (places.length > 0) return places;
    const reason = clientNames.get(name) ?? 'nothing is known of it';
    const message = `cannot tell where 'mirror://${name}' is: ${reason}; set it in firn.toml: [mirrors] ${name} = ["https://..."]`;
    throw new EngineError('mirror/unknown', message);
  }

  #configured(name: string, path: string): MirrorPlace[] {
    const configured = this.#options.configured?.();
    const own = (configured?.get(name) ?? []).map(base => placeBelow(base, path));
    const common = (configured?.get('*') ?? []).map(base => placeBelow(base, `${name}/${path}`));
    return [...own, ...common];
  }
}
