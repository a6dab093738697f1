# Completions of nix and firn for bash. To be sourced.

_firn_complete() {
    local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur kind line
    # Colons, equals signs and ampersands divide no words of ours. bash-completion puts them together again.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n ':=&' -w words -i cword
    fi
    cur=${words[cword]}
    COMPREPLY=()
    {
        read -r kind || return 0
        case $kind in
            filenames) compopt -o filenames 2>/dev/null ;;
            attrs) compopt -o nospace 2>/dev/null ;;
        esac
        while IFS= read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done
    } < <(NIX_GET_COMPLETIONS=$cword "${words[@]/#\~/$HOME}" 2>/dev/null)
    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}

complete -F _firn_complete nix firn
