import { type ByteString, brandAs } from '../../base/index.ts';
import { entriesInByteOrder } from '../byte-order.ts';
import { type JsonObject, type JsonValue, isJsonArray, isJsonObject } from '../json/json-value.ts';

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The `.attrs.sh` file of a builder: a bash declaration for each attribute that bash can hold, which are text, whole
 * numbers, booleans, null, and lists and attribute sets of these. Others are left out.
 */
export function structuredAttrsToShell(attributes: JsonObject): ByteString {
  let script = '';
  for (const [name, value] of entriesInByteOrder(attributes)) {
    if (!variableName.test(name)) continue;
    if (isJsonArray(value)) {
      const words = value.map(scalarToShell);
      if (!words.includes(undefined)) script += `declare -a ${name}=(${words.map(word => `${word} `).join('')})\n`;
    } else if (isJsonObject(value)) {
      const entries = Array.from(entriesInByteOrder(value), ([key, entry]) => ({ key, word: scalarToShell(entry) }));
      if (entries.some(({ word }) => word === undefined)) continue;
      script += `declare -A ${name}=(${entries.map(({ key, word }) => `[${quote(key)}]=${word} `).join('')})\n`;
    } else {
      const word = scalarToShell(value);
      if (word !== undefined) script += `declare ${name}=${word}\n`;
    }
  }
  return brandAs<ByteString>(script);
}

function scalarToShell(value: JsonValue): string | undefined {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return value ? '1' : '';
  if (typeof value === 'bigint') return BigInt.asIntN(32, value).toString();
  if (typeof value === 'number') return floatToShell(value);
  return value === null ? "''" : undefined;
}

/**
 * C++ Nix looks at a number in single precision to see whether it is whole, and prints it as a 32-bit integer, which
 * scripts have come to see: -2^31 stands for what is out of range.
 */
function floatToShell(value: number): string | undefined {
  const single = Math.fround(value);
  if (Math.ceil(single) !== single) return undefined;
  const whole = Math.trunc(value);
  return String(Math.abs(whole) < 2 ** 31 ? whole + 0 : -(2 ** 31));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
