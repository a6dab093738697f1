import { byteStringFromText, bytesOf } from '../base/index.ts';
import { type EmittedTree, treeSet } from './builtins/tree-set.ts';
import type { Evaluator } from './evaluator.ts';
import type { Word } from './word.ts';

/** A flake whose inputs are all known. */
export interface FlakeToCall {
  /** As lock files are written. */
  readonly lockFile: string;
  /** Trees that are at hand, by the names that nodes have in the lock file: of the flake itself, and of what was just locked. */
  readonly trees: ReadonlyMap<string, FlakeTree>;
}

export interface FlakeTree extends EmittedTree {
  /** Where in the tree the flake is; empty for the tree itself. */
  readonly folder: string;
}

/**
 * From a lock file to the flake that it is of: each node is a flake, whose `outputs` are called with the flakes that its
 * inputs are, or a tree. Nodes are fetched when something of them is asked for.
 */
const callFlakeText = bytesOf(
  byteStringFromText(`locks: trees: fetchFinalTree:
let
  inherit (builtins) foldl' fromJSON isFunction isList mapAttrs removeAttrs substring;

  lockFile = fromJSON locks;

  # An input is named by its node, or by the way to it from the root.
  nodeOf = input: if isList input then nodeAt input else input;
  nodeAt = foldl' (name: id: nodeOf lockFile.nodes.\${name}.inputs.\${id}) lockFile.root;

  below = folder: path: if path == "" then folder else folder + "/" + path;

  nodes = mapAttrs (
    name: node:
    let
      isAtHand = trees ? \${name};
      isInParent = node.locked.type or null == "path" && substring 0 1 node.locked.path != "/";
      parent = nodes.\${nodeAt node.parent};

      sourceInfo =
        if isAtHand then
          trees.\${name}.sourceInfo
        else if isInParent then
          parent.sourceInfo
        else
          # Lock files of version 5 have some attributes apart.
          fetchFinalTree (node.info or { } // removeAttrs node.locked [ "dir" ]);

      outPath =
        if isInParent && !isAtHand then
          below parent.outPath node.locked.path
        else
          below sourceInfo.outPath (trees.\${name}.dir or node.locked.dir or "");

      flake = import (outPath + "/flake.nix");

      inputs = mapAttrs (_: input: nodes.\${nodeOf input}.result) (node.inputs or { });

      outputs = flake.outputs (inputs // { self = result; });

      result =
        outputs
        // sourceInfo
        // {
          inherit outPath inputs outputs sourceInfo;
          _type = "flake";
        };
    in
    {
      inherit outPath sourceInfo;
      result =
        if node.flake or true then
          assert isFunction flake.outputs;
          result
        else
          sourceInfo // { inherit sourceInfo outPath; };
    }
  ) lockFile.nodes;
in
nodes.\${lockFile.root}.result
`),
);

const callFlakeOrigin = { kind: 'text', name: '«flakes-internal»/call-flake.nix' } as const;

/** A word for what the flake is: its outputs, and what is known of its source. */
export function callFlake(evaluator: Evaluator, flake: FlakeToCall): Word {
  const { core } = evaluator;
  const text = byteStringFromText;
  const trees = core.set(
    Array.from(flake.trees, ([name, tree]) => {
      const made = core.set([
        [text('sourceInfo'), treeSet(evaluator, tree)],
        [text('dir'), core.string(text(tree.folder))],
      ]);
      return [text(name), made] as const;
    }),
  );
  const callee = evaluator.delay(evaluator.parse(callFlakeText, callFlakeOrigin, text('/')));
  const locked = core.delayCall(callee, core.string(text(flake.lockFile)));
  return core.delayCall(core.delayCall(locked, trees), evaluator.internalBuiltin('fetchFinalTree'));
}
