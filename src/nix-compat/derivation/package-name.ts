/** What `name-version` says, as Nix divides it: the version begins after the first dash that no letter follows. */
export interface PackageName {
  readonly name: string;
  readonly version: string;
}

export function parsePackageName(text: string): PackageName {
  const dash = text.search(/-[^A-Za-z]/);
  return dash < 0 ? { name: text, version: '' } : { name: text.slice(0, dash), version: text.slice(dash + 1) };
}
