import type { ActionKey } from '../action-cache/action-cache.ts';
import { ReapiError } from '../error.ts';
import { ActionChannel, type ChannelPlace } from './action-channel.ts';
import { channelName } from './channel-name.ts';
import type { PlatformOffer, PlatformProperties } from './platform.ts';

/** The channel by which an action speaks with whoever has it executed, as `channelName` has it. */
export const channelProperty = 'nix-channel';

export const channelOffer: PlatformOffer = new Map([[channelProperty, 'any']]);

/** Who knows the key has the channel. */
const shortestKey = 32;

/** Channels at a time. */
const maxChannels = 10_000;

/** Undefined for an action that has none. Throws `action/malformed`. */
export function channelNameOf(properties: PlatformProperties): string | undefined {
  const [name, another] = properties.get(channelProperty) ?? [];
  if (another === undefined) return name;
  throw new ReapiError('action/malformed', `'${channelProperty}' names more than one channel`);
}

/** The channels that clients have open, by name. */
export class ActionChannels {
  readonly #channels = new Map<string, ActionChannel>();

  /** Until `close`. Throws `channel/refused`. */
  open(key: string, place: ChannelPlace): ActionChannel {
    if (key.length < shortestKey || key.length > 300) {
      throw new ReapiError(
        'channel/refused',
        `the key of a channel has ${shortestKey} characters, of which nobody can guess any`,
      );
    }
    const name = channelName(key);
    if (this.#channels.has(name)) throw new ReapiError('channel/refused', 'there is a channel of that key');
    if (this.#channels.size >= maxChannels)
      throw new ReapiError('channel/refused', `there are ${maxChannels} channels`);
    const channel = new ActionChannel(place);
    this.#channels.set(name, channel);
    return channel;
  }

  close(key: string): void {
    const name = channelName(key);
    this.#channels.get(name)?.[Symbol.dispose]();
    this.#channels.delete(name);
  }

  /** The one that a client has opened. Throws `channel/unknown`. */
  ofClient(key: string): ActionChannel {
    const channel = this.#channels.get(channelName(key));
    if (channel !== undefined) return channel;
    throw new ReapiError('channel/unknown', 'there is no channel of that key any more');
  }

  /** The one that an action names, which is its alone from now on. Throws `channel/unknown`. */
  ofAction(name: string, action: ActionKey): ActionChannel {
    const channel = this.#channels.get(name);
    if (channel?.claim(action) === true) return channel;
    throw new ReapiError(
      'channel/unknown',
      'nobody has the channel open for it that the action names: its client has to stay',
    );
  }
}
