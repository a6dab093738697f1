import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { canonicalPath } from '../nix-compat/index.ts';
import type { StoreEnvironment } from '../store/index.ts';
import { CliError } from './error.ts';

type Variables = Readonly<Record<string, string | undefined>>;

const searchPathEntry = /(?:[^:]*=)?(?:flake:|channel:|(?:https?|file|git|s3|ssh):(?=\/\/))[^:]*|[^:]+/g;

/** Of root, unless it chooses another. */
const rootDataFolder = '/var/lib/firn';

/**
 * The folders that environment variables name, C++ Nix's and ours, each looked up when first asked for. All are
 * absolute and canonical (`path/not-absolute` otherwise); variables that are empty count as unset.
 */
export class Environment implements StoreEnvironment {
  /** All of them, as they are. */
  readonly variables: Variables;
  readonly #warn: (message: string) => void;
  #home: string | undefined;
  /** What `--data` said. */
  dataOverride: string | undefined;

  constructor(variables: Variables, warn: (message: string) => void) {
    this.variables = variables;
    this.#warn = warn;
  }

  /** Where store paths are printed to be. */
  get storeDir(): string {
    return this.#folder('NIX_STORE_DIR') ?? this.#folder('NIX_STORE') ?? '/nix/store';
  }

  get stateDir(): string {
    return this.#folder('NIX_STATE_DIR') ?? '/nix/var/nix';
  }

  get logDir(): string {
    return this.#folder('NIX_LOG_DIR') ?? '/nix/var/log/nix';
  }

  get confDir(): string {
    return this.#folder('NIX_CONF_DIR') ?? '/etc/nix';
  }

  /** Where the daemon listens. */
  get daemonSocket(): string {
    return this.chosenDaemonSocket ?? `${this.stateDir}/daemon-socket/socket`;
  }

  get chosenDaemonSocket(): string | undefined {
    return this.#folder('NIX_DAEMON_SOCKET_PATH');
  }

  /** Where Nix's own library is (`<nix/...>`). */
  get libraryDir(): string {
    return this.#folder('NIX_DATA_DIR') ?? '/usr/share';
  }

  get temporaryDir(): string {
    return this.#folder('TMPDIR') ?? '/tmp';
  }

  /** What NIX_REMOTE says, a store's URL. */
  get remote(): string | undefined {
    return this.#value('NIX_REMOTE');
  }

  /** The argument (from 1 on) that a shell asks completions of instead of running the command. */
  get completionPosition(): number | undefined {
    const value = this.#value('NIX_GET_COMPLETIONS');
    return value === undefined ? undefined : Number(value);
  }

  /** The shell command that shows long texts; empty for none. */
  get pager(): string | undefined {
    return this.variables['NIX_PAGER'] ?? this.variables['PAGER'];
  }

  /** The entries of NIX_PATH: a colon separates them, unless it is that of a URL's or flake's scheme. */
  get nixPath(): readonly string[] | undefined {
    const text = this.variables['NIX_PATH'];
    return text === undefined ? undefined : (text.match(searchPathEntry) ?? []);
  }

  /** Certificates of the authorities that downloads trust. */
  get sslCertFile(): string | undefined {
    return this.#value('NIX_SSL_CERT_FILE') ?? this.#value('SSL_CERT_FILE');
  }

  /** Text of settings in NIX_CONFIG. */
  get config(): string | undefined {
    return this.variables['NIX_CONFIG'];
  }

  /** All of Firn's state. */
  get dataFolder(): string {
    const given = this.dataOverride ?? this.#folder('FIRN_DATA') ?? this.#folder('NIX_STATE_DIR');
    if (given !== undefined) return given;
    if (this.isRoot) return rootDataFolder;
    return `${this.#folder('XDG_DATA_HOME') ?? `${this.home}/.local/share`}/firn`;
  }

  get sharedDataFolder(): string | undefined {
    const isChosen = this.dataOverride ?? this.#folder('FIRN_DATA') ?? this.#folder('NIX_STATE_DIR');
    return this.isRoot || isChosen !== undefined ? undefined : rootDataFolder;
  }

  /** For what can be had again. */
  get cacheFolder(): string {
    return this.#folder('NIX_CACHE_HOME') ?? `${this.#xdg('XDG_CACHE_HOME', '.cache')}/nix`;
  }

  /** The user's own state that is Nix's: profiles. */
  get userStateDir(): string {
    return this.#folder('NIX_STATE_HOME') ?? `${this.#xdg('XDG_STATE_HOME', '.local/state')}/nix`;
  }

  /** What the user would miss: the history of prompts. */
  get userDataDir(): string {
    return this.#folder('NIX_DATA_HOME') ?? `${this.#xdg('XDG_DATA_HOME', '.local/share')}/nix`;
  }

  /** Whether somebody said where store paths are. */
  get isStoreDirChosen(): boolean {
    return (this.#value('NIX_STORE_DIR') ?? this.#value('NIX_STORE')) !== undefined;
  }

  get chosenStateDir(): string | undefined {
    return this.#folder('NIX_STATE_DIR');
  }

  get chosenLogDir(): string | undefined {
    return this.#folder('NIX_LOG_DIR');
  }

  get isRoot(): boolean {
    return process.getuid?.() === 0;
  }

  get systemConfFile(): string {
    return `${this.confDir}/nix.conf`;
  }

  /** Where the user's own configuration of Nix is. */
  get userConfDir(): string {
    return this.variables['NIX_CONFIG_HOME'] ?? `${this.#xdg('XDG_CONFIG_HOME', '.config')}/nix`;
  }

  /** The user's configuration files, strongest first. */
  get userConfFiles(): string[] {
    const named = this.variables['NIX_USER_CONF_FILES'];
    if (named !== undefined) return named.split(':').map(path => (path === '' ? '.' : path));
    const others = (this.variables['XDG_CONFIG_DIRS'] ?? '/etc/xdg').split(':').filter(dir => dir !== '');
    return [this.userConfDir, ...others.map(dir => `${dir}/nix`)].map(dir => `${dir}/nix.conf`);
  }

  /** Files with what Firn has and Nix lacks, strongest first. */
  get firnConfFiles(): string[] {
    const named = this.#value('FIRN_CONFIG');
    if (named !== undefined) return [named];
    return [`${this.#xdg('XDG_CONFIG_HOME', '.config')}/firn/firn.toml`, '/etc/firn/firn.toml'];
  }

  /** HOME, unless the folder belongs to somebody else (sudo keeps HOME): then what the user database says. */
  get home(): string {
    return (this.#home ??= this.#findHome());
  }

  #findHome(): string {
    const named = this.#value('HOME');
    const owner = named === undefined ? undefined : statSync(named, { throwIfNoEntry: false })?.uid;
    if (named !== undefined && (owner === undefined || owner === process.geteuid?.())) return named;
    const listed = listedHome();
    if (named !== undefined && named !== listed) {
      const instead = `falling back to the one defined in the 'passwd' file ('${listed}')`;
      this.#warn(`$HOME ('${named}') is not owned by you, ${instead}`);
    }
    return listed;
  }

  #xdg(variable: string, folder: string): string {
    return this.variables[variable] ?? `${this.home}/${folder}`;
  }

  #value(name: string): string | undefined {
    const value = this.variables[name];
    return value === '' ? undefined : value;
  }

  #folder(name: string): string | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : canonicalPath(value);
  }
}

function listedHome(): string {
  try {
    return userInfo().homedir;
  } catch (cause) {
    throw new CliError('environment/no-home', "cannot determine user's home directory", { cause });
  }
}
