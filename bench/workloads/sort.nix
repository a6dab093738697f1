# 200,000 sets are made, sorted, taken apart and made a set of.
let
  size = 200000;
  items = builtins.genList (n: {
    key = (n * 7919 + 13) - (n * 7919 + 13) / size * size;
    inherit n;
  }) size;
  sorted = builtins.sort (a: b: a.key < b.key) items;
  rebuilt = builtins.listToAttrs (map ({ key, n }: { name = "k${toString key}"; value = n + key; }) sorted);
in
builtins.foldl' (sum: value: sum + value) 0 (builtins.attrValues rebuilt)
