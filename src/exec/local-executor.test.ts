import { executorSuite } from '../testing/index.ts';
import { LocalExecutor } from './local-executor.ts';

executorSuite('LocalExecutor', () => new LocalExecutor());
