/** Names that the language itself knows. */
import { type Symbol, internText } from './symbol.ts';

export let functorSymbol: Symbol = 0;
export let toStringSymbol: Symbol = 0;
export let outPathSymbol: Symbol = 0;
export let typeSymbol: Symbol = 0;
export let overridesSymbol: Symbol = 0;
export let nameSymbol: Symbol = 0;
export let valueSymbol: Symbol = 0;
export let fileSymbol: Symbol = 0;
export let lineSymbol: Symbol = 0;
export let columnSymbol: Symbol = 0;
export let successSymbol: Symbol = 0;
export let rightSymbol: Symbol = 0;
export let wrongSymbol: Symbol = 0;
export let startSetSymbol: Symbol = 0;
export let operatorSymbol: Symbol = 0;
export let keySymbol: Symbol = 0;
export let versionSymbol: Symbol = 0;

export function internKnownSymbols(): void {
  functorSymbol = internText('__functor');
  toStringSymbol = internText('__toString');
  outPathSymbol = internText('outPath');
  typeSymbol = internText('type');
  overridesSymbol = internText('__overrides');
  nameSymbol = internText('name');
  valueSymbol = internText('value');
  fileSymbol = internText('file');
  lineSymbol = internText('line');
  columnSymbol = internText('column');
  successSymbol = internText('success');
  rightSymbol = internText('right');
  wrongSymbol = internText('wrong');
  startSetSymbol = internText('startSet');
  operatorSymbol = internText('operator');
  keySymbol = internText('key');
  versionSymbol = internText('version');
}
