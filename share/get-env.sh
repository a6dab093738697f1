# shellcheck shell=bash
# Takes the place of a derivation's builder to write what its environment is once `$stdenv/setup` has run: as JSON to the
# first of the outputs, the others stay empty. Runs programs of bash alone, since nothing else need be there, and of old
# versions of it. Variables and functions of its own begin with `__firn_`.
#
# What is written are variables of one attribute (exported, array, associative array) or none, as `declare -p` tells, and
# functions that are not exported.
set -e
if [[ -e ${NIX_ATTRS_SH_FILE-} ]]; then . "$NIX_ATTRS_SH_FILE"; fi
export IN_NIX_SHELL=impure dontAddDisableDepTrack=1
if [[ -n ${stdenv-} ]]; then . "$stdenv/setup"; fi

__firn_declarations=$(declare -p)
__firn_functions=$(declare -F)

# Of the shell itself, and different each time.
__firn_is_own() {
    case $1 in
    BASH_* | COMP_* | __firn_* | _ | DIRSTACK | EUID | FUNCNAME | HISTCMD | HOSTNAME | GROUPS | PIPESTATUS | PWD) return 0 ;;
    RANDOM | SHLVL | SECONDS | EPOCHREALTIME | EPOCHSECONDS) return 0 ;;
    esac
    return 1
}

# $1 as a JSON string.
__firn_string() {
    local LC_ALL=C text=$1 code char
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    text=${text//$'\r'/\\r}
    text=${text//$'\t'/\\t}
    if [[ $text == *[$'\x01'-$'\x1f']* ]]; then
        for code in 01 02 03 04 05 06 07 08 0b 0c 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f; do
            printf -v char "\\x$code"
            text=${text//"$char"/\\u00$code}
        done
    fi
    printf '"%s"' "$text"
}

# The variable $2, whose attributes are $1; $3 comes before it.
__firn_variable() {
    local separator= item key
    case $1 in
    --)
        printf '%s' "$3"
        __firn_string "$2"
        printf ':{"type":"var","value":'
        __firn_string "${!2-}"
        ;;
    -x)
        printf '%s' "$3"
        __firn_string "$2"
        printf ':{"type":"exported","value":'
        __firn_string "${!2-}"
        ;;
    -a)
        printf '%s' "$3"
        __firn_string "$2"
        printf ':{"type":"array","value":['
        key="$2[@]"
        for item in "${!key}"; do
            printf '%s' "$separator"
            __firn_string "$item"
            separator=,
        done
        printf ']'
        ;;
    -A)
        printf '%s' "$3"
        __firn_string "$2"
        printf ':{"type":"associative","value":{'
        local -n __firn_array=$2
        for key in "${!__firn_array[@]}"; do
            printf '%s' "$separator"
            __firn_string "$key"
            printf :
            __firn_string "${__firn_array[$key]}"
            separator=,
        done
        printf '}'
        ;;
    *) return 1 ;;
    esac
    printf '}'
}

__firn_write() {
    local line words separator= body
    printf '{"bashFunctions":{'
    while IFS= read -r line; do
        if [[ $line != 'declare -f '* ]]; then continue; fi
        line=${line#declare -f }
        body=$(declare -f "$line")
        body=${body#*\{}
        body=${body%\}*}
        printf '%s' "$separator"
        __firn_string "$line"
        printf :
        __firn_string "$body"
        separator=,
    done <<<"$__firn_functions"
    printf '},"variables":{'
    separator=
    while IFS= read -r line; do
        # Lines of values that have several look like declarations at times.
        if [[ $line != declare\ -?\ * ]]; then continue; fi
        read -r _ words line <<<"$line"
        line=${line%%=*}
        if [[ $line == *[!A-Za-z0-9_]* || $line == [0-9]* ]] || __firn_is_own "$line"; then continue; fi
        if __firn_variable "$words" "$line" "$separator"; then separator=,; fi
    done <<<"$__firn_declarations"
    printf '}'
    if [[ -e ${NIX_ATTRS_SH_FILE-} ]]; then
        printf ',"structuredAttrs":{".attrs.sh":'
        __firn_string "$(<"$NIX_ATTRS_SH_FILE")"
        printf ',".attrs.json":'
        __firn_string "$(<"$NIX_ATTRS_JSON_FILE")"
        printf '}'
    fi
    printf '}'
}

# Structured attributes have the outputs in an associative array, others the names of variables.
__firn_paths=()
if [[ -e ${NIX_ATTRS_SH_FILE-} ]]; then
    __firn_paths=("${outputs[@]}")
else
    for __firn_name in ${outputs-out}; do __firn_paths+=("${!__firn_name}"); done
fi
__firn_done=
for __firn_path in "${__firn_paths[@]}"; do
    if [[ -z $__firn_done ]]; then __firn_write >"$__firn_path"; else : >"$__firn_path"; fi
    __firn_done=1
done
