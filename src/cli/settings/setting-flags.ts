import type { Flag, FlagFinder } from '../args/flag.ts';
import type { NamedSetting, Settings } from './settings.ts';

/** The flags that settings have: `--x`, `--no-x` and `--relaxed-x` for switches, `--x VALUE` and `--extra-x VALUE` else. */
export function settingFlags(settings: Settings): FlagFinder {
  // What the flag needs to be enabled is checked once all of the command line is known.
  const applyIfEnabled = (named: NamedSetting, how: 'set' | 'append', value: string): void => {
    const { feature } = named.setting;
    if (feature === undefined || settings.isEnabled(feature)) settings.apply(named, how, value);
  };
  const switchTo = (named: NamedSetting, long: string, value: string): Flag => ({
    long,
    labels: [],
    summary: `Sets '${named.name}' to ${value}.`,
    feature: named.setting.feature,
    apply: () => applyIfEnabled(named, 'set', value),
  });
  const takeValue = (named: NamedSetting, long: string, how: 'set' | 'append'): Flag => ({
    long,
    labels: ['value'],
    summary: how === 'set' ? `Sets '${named.name}'.` : `Adds to '${named.name}'.`,
    feature: named.setting.feature,
    apply: value => applyIfEnabled(named, how, value),
  });
  const within = (long: string, prefix: string): NamedSetting | undefined =>
    long.startsWith(prefix) ? settings.find(long.slice(prefix.length)) : undefined;

  return spelling => {
    if (!spelling.startsWith('--')) return undefined;
    const long = spelling.slice(2);
    const whole = settings.find(long);
    if (whole !== undefined) {
      return whole.setting.flags === 'value' ? takeValue(whole, long, 'set') : switchTo(whole, long, 'true');
    }
    const negated = within(long, 'no-');
    if (negated !== undefined && negated.setting.flags !== 'value') return switchTo(negated, long, 'false');
    const relaxed = within(long, 'relaxed-');
    if (relaxed?.setting.flags === 'sandbox') return switchTo(relaxed, long, 'relaxed');
    const extended = within(long, 'extra-');
    return extended?.setting.appendable === true ? takeValue(extended, long, 'append') : undefined;
  };
}
