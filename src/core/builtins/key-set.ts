/** Values in the order of `<`, as a treap: random priorities keep it shallow whatever order the values come in. */
import { compareValues } from '../compare.ts';
import { pushText } from '../error.ts';
import { pop } from '../log.ts';
import { allocate } from '../memory.ts';
import type { Word } from '../value.ts';

@unmanaged
class KeySet {
  root: usize;
  random: u32;
}

@unmanaged
class KeyNode {
  key: Word;
  left: usize;
  right: usize;
  priority: u32;
  /** The lower half of the element's word, for messages. */
  element: u32;
}

export function newKeySet(): usize {
  const set = allocate(8);
  changetype<KeySet>(set).random = 0x2545f491;
  return set;
}

/** Whether `key`, in weak head normal form, was not in the set before. */
export function addKey(at: usize, key: Word, element: Word): bool {
  const set = changetype<KeySet>(at);
  if (contains(set.root, key, <u32>element)) return false;
  const added = allocate(24);
  changetype<KeyNode>(added).key = key;
  changetype<KeyNode>(added).element = <u32>element;
  let random = set.random;
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  set.random = random;
  changetype<KeyNode>(added).priority = random;
  set.root = insert(set.root, added);
  return true;
}

function isBefore(a: Word, b: Word): bool {
  return compareValues(a, b, '');
}

function contains(start: usize, key: Word, element: u32): bool {
  let at = start;
  while (at != 0) {
    const node = changetype<KeyNode>(at);
    pushText(0, 'while comparing element %w1', element);
    pushText(0, 'with element %w1', node.element);
    const before = isBefore(key, node.key);
    const after = !before && isBefore(node.key, key);
    pop();
    pop();
    if (!before && !after) return true;
    at = before ? node.left : node.right;
  }
  return false;
}

/** The keys were compared with `contains` before, so nothing throws here. */
function insert(at: usize, added: usize): usize {
  if (at == 0) return added;
  const node = changetype<KeyNode>(at);
  if (isBefore(changetype<KeyNode>(added).key, node.key)) {
    node.left = insert(node.left, added);
    const left = changetype<KeyNode>(node.left);
    if (left.priority <= node.priority) return at;
    const top = node.left;
    node.left = left.right;
    left.right = at;
    return top;
  }
  node.right = insert(node.right, added);
  const right = changetype<KeyNode>(node.right);
  if (right.priority <= node.priority) return at;
  const top = node.right;
  node.right = right.left;
  right.left = at;
  return top;
}
