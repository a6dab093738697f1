/** The settings of one profile, by their names. */
export type AwsProfile = ReadonlyMap<string, string>;

/**
 * Parses a file in the format of `~/.aws/config`, where profiles but the default one have `profile` before their names,
 * and of `~/.aws/credentials`, where they have not. Settings within settings (indented) are left out, as is what is no
 * part of the format.
 */
export function parseAwsConfig(text: string): Map<string, AwsProfile> {
  const profiles = new Map<string, Map<string, string>>();
  let settings: Map<string, string> | undefined;
  for (const line of text.split('\n')) {
    const [, section] = /^\[\s*(?:profile\s+)?([^\]]*?)\s*\]/.exec(line) ?? [];
    if (section !== undefined) {
      settings = profiles.get(section) ?? new Map<string, string>();
      profiles.set(section, settings);
      continue;
    }
    const equals = line.indexOf('=');
    if (equals < 1 || /^[\s#;]/.test(line)) continue;
    settings?.set(line.slice(0, equals).trim().toLowerCase(), line.slice(equals + 1).trim());
  }
  return profiles;
}
