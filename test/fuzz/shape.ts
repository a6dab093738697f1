const maxDepth = 4;
const maxItems = 24;

/**
 * What kind of value it is, told roughly: types, the names of fields, orders of magnitude. Values that went the same way
 * through a decoder mostly have the same shape.
 */
export function shapeOf(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return `s${magnitude(value.length)}`;
    case 'number':
      return Number.isInteger(value) ? `i${magnitude(Math.abs(value))}` : 'f';
    case 'bigint':
      return `b${value < 0n ? '-' : ''}${value.toString(16).length >> 1}`;
    case 'boolean':
      return value ? 't' : 'n';
    case 'object':
      return value === null ? '0' : depth >= maxDepth ? '…' : shapeOfObject(value, depth + 1);
    case 'undefined':
    case 'function':
    case 'symbol':
      return 'u';
    default:
      return '?';
  }
}

function shapeOfObject(value: object, depth: number): string {
  if (value instanceof Uint8Array) return `x${magnitude(value.length)}`;
  if (value instanceof Map) return `M${shapeOfItems([...value.values()], depth)}`;
  if (value instanceof Set) return `S${shapeOfItems([...value], depth)}`;
  if (Array.isArray(value)) return shapeOfItems(value, depth);
  const fields = Object.entries(value).slice(0, maxItems);
  return `{${fields.map(([name, field]) => `${name.slice(0, 3)}${kindOr(name, field, depth)}`).join()}}`;
}

/** Discriminants count as they are. */
function kindOr(name: string, field: unknown, depth: number): string {
  return /^(?:kind|method|algorithm|type|status|level)$/.test(name)
    ? String(field).slice(0, 20)
    : shapeOf(field, depth);
}

/** The set of the items' shapes, and about how many there are. */
function shapeOfItems(items: readonly unknown[], depth: number): string {
  const shapes = new Set(items.slice(0, maxItems).map(item => shapeOf(item, depth)));
  return `[${magnitude(items.length)}:${[...shapes].toSorted().slice(0, 4).join()}]`;
}

function magnitude(size: number): number {
  return size < 3 ? size : 2 + Math.ceil(Math.log2(size) / 2);
}
