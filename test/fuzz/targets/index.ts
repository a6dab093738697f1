import type { Target } from '../target.ts';
import { castoreTargets } from './castore.ts';
import { configTargets } from './config.ts';
import { derivationTargets } from './derivation.ts';
import { gitImportTargets } from './git-import.ts';
import { gitTargets } from './git.ts';
import { hashTextTargets } from './hash-text.ts';
import { jsonTargets } from './json.ts';
import { narInfoTargets } from './narinfo.ts';
import { narTargets } from './nar.ts';
import { sessionTargets } from './sessions.ts';
import { syntaxTargets } from './syntax.ts';
import { tarTargets } from './tar.ts';
import { wireStreamTargets } from './wire-streams.ts';
import { wireValueTargets } from './wire-values.ts';

/** Every decoder of what others made, and the services and clients that speak with others. */
export const targets: readonly Target[] = [
  ...narTargets,
  ...gitTargets,
  ...jsonTargets,
  ...derivationTargets,
  ...hashTextTargets,
  ...narInfoTargets,
  ...configTargets,
  ...wireStreamTargets,
  ...wireValueTargets,
  ...castoreTargets,
  ...tarTargets,
  ...gitImportTargets,
  ...sessionTargets,
  ...syntaxTargets,
];
