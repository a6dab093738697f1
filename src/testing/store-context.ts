import { type Reporter, byteStringFromText, silentReporter } from '../base/index.ts';
import { Settings, defaultStoreDir, parseStoreReference } from '../nix-compat/index.ts';
import { openReapiStore } from '../reapi/index.ts';
import { type OpenStoreContext, type Store, openStore } from '../store/index.ts';

export interface TestContextOptions {
  readonly storeDir?: string;
  /** Folders that are not given do not exist. */
  readonly dataFolder?: string;
  readonly cacheFolder?: string;
  readonly reporter?: Reporter;
  /** By name, as in nix.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

const reapiSchemes = ['reapi', 'reapis', 'reapi+unix'];

/** What stores are opened with, without anything of this machine. */
export function testStoreContext(options: TestContextOptions = {}): OpenStoreContext {
  const settings = new Settings({
    platform: 'linux',
    system: 'x86_64-linux',
    extraPlatforms: [],
    systemFeatures: [],
    cores: 1,
    isRoot: false,
    confDir: '/nonexistent',
    store: 'auto',
    sslCertFile: undefined,
    nixPath: [],
    sandboxShell: undefined,
    experimentalFeatures: new Set(),
  });
  for (const [name, value] of Object.entries(options.settings ?? {}))
    settings.set({ name, value, origin: { source: 'test' } });
  return {
    environment: {
      storeDir: options.storeDir ?? defaultStoreDir,
      isStoreDirChosen: false,
      dataFolder: options.dataFolder ?? '/nonexistent/data',
      chosenStateDir: '/nonexistent/state',
      chosenLogDir: undefined,
      cacheFolder: options.cacheFolder ?? '/proc/nonexistent/cache',
      daemonSocket: '/nonexistent/socket',
      sharedDataFolder: undefined,
      isRoot: false,
    },
    settings,
    reporter: options.reporter ?? silentReporter,
    kinds: Object.fromEntries(reapiSchemes.map(scheme => [scheme, () => Promise.resolve(openReapiStore)])),
    requireFeature: () => {},
  };
}

/** Opens a store as the command line would. */
export function openTestStore(uri: string, options: TestContextOptions = {}): Promise<Store> {
  const reference = parseStoreReference(byteStringFromText(uri), { workingDirectory: '/' });
  return openStore(reference, testStoreContext(options));
}
