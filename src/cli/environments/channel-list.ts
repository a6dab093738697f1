import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';

/** URLs of channels by their names. */
export type Channels = Map<string, string>;

function channelFile({ environment, settings }: CommandContext): string {
  return settings.get('use-xdg-base-directories')
    ? join(environment.userStateDir, 'channels')
    : join(environment.home, '.nix-channels');
}

/** The channels that the user is subscribed to; none where there is no list. */
export function readChannels(context: CommandContext): Channels {
  const channels: Channels = new Map();
  for (const line of readText(channelFile(context)).split('\n')) {
    const [first, name] = line.split(' ').filter(word => word !== '');
    if (first === undefined || /^\s*#/.test(line)) continue;
    const url = first.replace(/\/*$/, '');
    channels.set(name ?? baseNameOf(url), url);
  }
  return channels;
}

export function writeChannels(channels: Channels, context: CommandContext): void {
  const sorted = [...channels].toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(channelFile(context), sorted.map(([name, url]) => `${url} ${name}\n`).join(''));
}

/** Subscribes to a channel. Throws `channel/bad-url` and `channel/bad-name`. */
export function addChannel(url: string, given: string | undefined, context: CommandContext): void {
  const name =
    given ??
    baseNameOf(url)
      .replace(/-unstable$/, '')
      .replace(/-stable$/, '');
  if (!/^(?:file|http|https):\/\//.test(url)) throw new CliError('channel/bad-url', `invalid channel URL '${url}'`);
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new CliError('channel/bad-name', `invalid channel identifier '${name}'`);
  }
  writeChannels(readChannels(context).set(name, url), context);
}

export function baseNameOf(url: string): string {
  return url.replace(/\/+$/, '').replace(/^.*\//s, '');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
