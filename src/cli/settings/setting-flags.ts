import { displayBytes } from '../../base/index.ts';
import type { SettingTraits } from '../../nix-compat/index.ts';
import type { Flag, FlagFinder } from '../args/flag.ts';
import type { InvocationSettings } from './invocation-settings.ts';

/** The flags that settings have: `--x`, `--no-x` and `--relaxed-x` for switches, `--x VALUE` and `--extra-x VALUE` else. */
export function settingFlags(settings: InvocationSettings): FlagFinder {
  // What the flag needs to be enabled is checked once all of the command line is known.
  const assign = ({ feature }: SettingTraits, name: string, value: string): void => {
    if (feature === undefined || settings.isEnabled(feature)) settings.assign(name, value);
  };
  const switchTo = (traits: SettingTraits, long: string, value: string): Flag => ({
    long,
    labels: [],
    summary: `Sets '${traits.name}' to ${value}.`,
    feature: traits.feature,
    apply: () => assign(traits, traits.name, value),
  });
  const takeValue = (traits: SettingTraits, long: string): Flag => ({
    long,
    labels: ['value'],
    summary: `Sets '${long}'.`,
    feature: traits.feature,
    apply: value => assign(traits, long, displayBytes(value)),
  });
  const within = (long: string, prefix: string): SettingTraits | undefined =>
    long.startsWith(prefix) ? settings.find(long.slice(prefix.length)) : undefined;

  return spelling => {
    if (!spelling.startsWith('--')) return undefined;
    const long = spelling.slice(2);
    const whole = settings.find(long);
    if (whole !== undefined) return isSwitch(whole) ? switchTo(whole, long, 'true') : takeValue(whole, long);
    const negated = within(long, 'no-');
    if (negated !== undefined && isSwitch(negated)) return switchTo(negated, long, 'false');
    const relaxed = within(long, 'relaxed-');
    if (relaxed?.name === 'sandbox') return switchTo(relaxed, long, 'relaxed');
    const extended = within(long, 'extra-');
    return extended?.isAppendable === true ? takeValue(extended, long) : undefined;
  };
}

function isSwitch({ name, isBoolean }: SettingTraits): boolean {
  return isBoolean || name === 'sandbox';
}
