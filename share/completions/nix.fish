# Completions of nix and firn for fish. To be sourced.

function _firn_complete
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l answer (NIX_GET_COMPLETIONS=(count $before) $before "$current" 2>/dev/null)
    # Lines of text, tab and description are what fish takes, once the line with their kind is gone.
    printf '%s\n' $answer[2..-1]
end

complete --command nix --no-files --arguments '(_firn_complete)'
complete --command firn --no-files --arguments '(_firn_complete)'
