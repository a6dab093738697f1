/** A setting that a store's URI can have behind its question mark. */
export interface StoreSetting {
  readonly name: string;
  /** As text; undefined where it depends on something else, which the summary says. */
  readonly fallback?: string;
  readonly summary: string;
}

/** A kind of store, for help. */
export interface StoreKind {
  readonly name: string;
  /** What its URIs look like. */
  readonly uris: readonly string[];
  readonly schemes: readonly string[];
  readonly summary: string;
  readonly settings: readonly StoreSetting[];
}

const shared: readonly StoreSetting[] = [
  {
    name: 'path-info-cache-size',
    fallback: '65536',
    summary: 'Accepted for compatibility: how many path infos to keep in memory.',
  },
  {
    name: 'priority',
    summary: 'Of several substituters, that with the smallest is asked first. The store says its own.',
  },
  { name: 'store', summary: 'The store directory. The one of this invocation, usually /nix/store.' },
  { name: 'system-features', summary: 'Accepted for compatibility: what can be built in this store.' },
  { name: 'trusted', fallback: 'false', summary: 'Whether paths from this store are taken without signatures.' },
  {
    name: 'want-mass-query',
    summary: 'Whether it may be asked for what it most likely lacks. The store says so itself.',
  },
];

const binaryCache: readonly StoreSetting[] = [
  { name: 'compression', fallback: 'xz', summary: 'How NARs are compressed: xz, zstd, bzip2, gzip, br or none.' },
  { name: 'compression-level', fallback: '-1', summary: "The method's own scale; -1 for its default." },
  { name: 'index-debug-info', fallback: 'false', summary: 'Whether debug information can be found by its build id.' },
  { name: 'local-nar-cache', summary: 'A folder where NARs that were fetched are kept. None.' },
  { name: 'parallel-compression', fallback: 'false', summary: 'Whether one NAR may be compressed by several threads.' },
  { name: 'secret-key', summary: 'The file of a secret key to sign paths with. None.' },
  { name: 'secret-keys', summary: 'More of them, separated by commas.' },
  { name: 'write-nar-listing', fallback: 'false', summary: 'Whether a listing of each NAR is written (.ls).' },
];

const sshSettings: readonly StoreSetting[] = [
  { name: 'base64-ssh-public-host-key', summary: 'The public key of the host, in base64. What ssh knows.' },
  { name: 'compress', fallback: 'false', summary: 'Whether ssh compresses what it sends.' },
  { name: 'max-connections', fallback: '1', summary: 'How many connections there are at a time.' },
  { name: 'remote-store', summary: 'The URI of the store on the other machine. What commands work on there.' },
  { name: 'ssh-key', summary: 'The file of the private key for ssh. What ssh finds.' },
];

const local: readonly StoreSetting[] = [
  { name: 'build-dir', summary: 'Where builds have their temporary files.' },
  { name: 'ignore-gc-delete-failure', fallback: 'false', summary: 'Accepted for compatibility.' },
  { name: 'log', summary: 'Where logs of builds are. Below the root folder, if there is one.' },
  { name: 'read-only', fallback: 'false', summary: 'Whether nothing is changed, locks included.' },
  { name: 'real', summary: 'Where the store directory really is. Below the root folder, if there is one.' },
  { name: 'require-sigs', summary: 'Whether paths need a trusted signature. What the setting require-sigs says.' },
  { name: 'root', summary: 'The folder that stands for / in all paths. None.' },
  { name: 'state', summary: 'Where the state of the store is. Below the root folder, if there is one.' },
  { name: 'use-roots-daemon', fallback: 'false', summary: 'Accepted for compatibility.' },
];

/** The kinds of stores that this version opens. */
export const storeKinds: readonly StoreKind[] = [
  {
    name: 'Local Store',
    uris: ['local', 'auto', '/path/of/a/root', 'local?root=/path'],
    schemes: ['local'],
    summary: 'The store on this machine, below a root folder, or at the folders that settings name.',
    settings: [...local, ...shared],
  },
  {
    name: 'Experimental Local Overlay Store',
    uris: ['local-overlay://?root=/path&lower-store=URI&upper-layer=/path'],
    schemes: ['local-overlay'],
    summary:
      'A local store over another, which is not changed: its store directory is an overlayfs that is mounted already.',
    settings: [
      { name: 'check-mount', fallback: 'true', summary: 'Whether it is looked how the store directory is mounted.' },
      { name: 'lower-store', summary: 'The URI of the store below. The one of this machine.' },
      { name: 'remount-hook', summary: 'A program that mounts the store directory, its argument, anew. None.' },
      { name: 'upper-layer', summary: 'The folder of the overlayfs that gets what is added.' },
      ...local,
      ...shared,
    ],
  },
  {
    name: 'Local Binary Cache Store',
    uris: ['file:///path'],
    schemes: ['file'],
    summary: 'A folder of compressed NARs and what is known of them, as HTTP servers serve it.',
    settings: [...binaryCache, ...shared],
  },
  {
    name: 'HTTP Binary Cache Store',
    uris: ['http://host/path', 'https://host/path'],
    schemes: ['http', 'https'],
    summary: 'A binary cache on an HTTP server, for reading, or for writing where the server takes PUT.',
    settings: [...binaryCache, ...shared],
  },
  {
    name: 'SSH Store',
    uris: ['ssh://[user@]host[:port]'],
    schemes: ['ssh'],
    summary: 'The store of another machine, by nix-store --serve there.',
    settings: [
      ...sshSettings,
      { name: 'remote-program', fallback: 'nix-store', summary: 'What is run on the other machine.' },
      ...shared,
    ],
  },
  {
    name: 'Experimental SSH Store',
    uris: ['ssh-ng://[user@]host[:port]'],
    schemes: ['ssh-ng'],
    summary: 'The store of another machine, by nix-daemon --stdio there.',
    settings: [
      ...sshSettings,
      { name: 'max-connection-age', summary: 'Accepted for compatibility: connections are kept.' },
      { name: 'remote-program', fallback: 'nix-daemon', summary: 'What is run on the other machine.' },
      ...shared,
    ],
  },
  {
    name: 'Experimental SSH Store with filesystem mounted',
    uris: ['mounted-ssh-ng://[user@]host[:port]'],
    schemes: ['mounted-ssh-ng'],
    summary: 'As ssh-ng, where both machines see the files of the store: links to what is built are roots.',
    settings: [
      ...sshSettings,
      { name: 'max-connection-age', summary: 'Accepted for compatibility: connections are kept.' },
      { name: 'remote-program', fallback: 'nix-daemon', summary: 'What is run on the other machine.' },
      ...shared,
    ],
  },
  {
    name: 'Remote Execution Cache Store',
    uris: ['reapi://host[:port][/instance]', 'reapis://host[:port][/instance]', 'reapi+unix:///path'],
    schemes: ['reapi', 'reapis', 'reapi+unix'],
    summary: 'A cache that speaks the Remote Execution API, plainly or by TLS: paths are results of actions there.',
    settings: [
      { name: 'instance', summary: 'The instance of the server. What the URI says.' },
      { name: 'secret-key', summary: 'The file of a secret key to sign paths with. None.' },
      { name: 'secret-keys', summary: 'More of them, separated by commas.' },
      {
        name: 'splice',
        fallback: 'false',
        summary: 'Whether large files are sent in chunks, those that the server lacks.',
      },
      {
        name: 'tls-ca',
        summary: 'The file of authorities that the server is signed by, in PEM. What the setting ssl-cert-file has.',
      },
      { name: 'tls-certificate', summary: 'The file of a certificate that says who we are, in PEM. None.' },
      { name: 'tls-private-key', summary: 'The file of its key, in PEM. None.' },
      { name: 'token-file', summary: 'The file of a token for the server. What FIRN_REAPI_TOKEN has.' },
      ...shared,
    ],
  },
  {
    name: 'Local Daemon Store',
    uris: ['daemon', 'unix:///path'],
    schemes: ['unix'],
    summary: 'The store that a daemon on this machine keeps.',
    settings: [
      { name: 'max-connection-age', summary: 'Accepted for compatibility: connections are kept.' },
      { name: 'max-connections', fallback: '1', summary: 'How many connections there are at a time.' },
      ...shared,
    ],
  },
  {
    name: 'Dummy Store',
    uris: ['dummy://'],
    schemes: ['dummy'],
    summary: 'A store in memory: without paths for what needs none, or with what it is given until the command ends.',
    settings: [{ name: 'read-only', fallback: 'true', summary: 'Whether adding to it fails.' }, ...shared],
  },
];
