import { ReapiError } from '../error.ts';
import { ActionChannel, type ChannelPlace } from './action-channel.ts';
import type { PlatformOffer, PlatformProperties } from './platform.ts';

/** The channel by which an action speaks with whoever has it executed: a name that nobody else knows. */
export const channelProperty = 'nix-channel';

export const channelOffer: PlatformOffer = new Map([[channelProperty, 'any']]);

/** Who knows the name has the channel. */
const shortestName = 32;

/** Channels at a time. */
const maxChannels = 10_000;

/** Undefined for an action that has none. Throws `action/malformed`. */
export function channelNameOf(properties: PlatformProperties): string | undefined {
  const [name, another] = properties.get(channelProperty) ?? [];
  if (another === undefined) return name;
  throw new ReapiError('action/malformed', `'${channelProperty}' names more than one channel`);
}

/** The channels that clients have open. */
export class ActionChannels {
  readonly #channels = new Map<string, ActionChannel>();

  /** Until `close`. Throws `channel/refused`. */
  open(name: string, place: ChannelPlace): ActionChannel {
    if (name.length < shortestName || name.length > 300) {
      throw new ReapiError(
        'channel/refused',
        `the name of a channel has ${shortestName} characters, of which nobody can guess any`,
      );
    }
    if (this.#channels.has(name)) throw new ReapiError('channel/refused', 'there is a channel of that name');
    if (this.#channels.size >= maxChannels)
      throw new ReapiError('channel/refused', `there are ${maxChannels} channels`);
    const channel = new ActionChannel(place);
    this.#channels.set(name, channel);
    return channel;
  }

  close(name: string): void {
    this.#channels.get(name)?.[Symbol.dispose]();
    this.#channels.delete(name);
  }

  /** Throws `channel/unknown`. */
  require(name: string): ActionChannel {
    const channel = this.#channels.get(name);
    if (channel !== undefined) return channel;
    throw new ReapiError(
      'channel/unknown',
      'nobody has the channel open that the action names: its client has to stay',
    );
  }
}
