import type { Environment } from '../environment.ts';
import type { Settings } from './settings.ts';

export function loadSettings(settings: Settings, environment: Environment): void {
  const text = environment.config;
  for (const line of text?.split('\n') ?? []) {
    const [name, equals, ...rest] = line.replace(/#.*/, '').split(/[ \t]+/).filter(word => word !== '');
    if (name !== undefined && equals === '=') settings.assign(name, rest.join(' '));
  }
}
