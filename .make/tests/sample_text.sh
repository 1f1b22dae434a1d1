# shellcheck shell=bash
# .make/sample-text

test_sample_text_is_utf_8_with_the_checkout_in_it() {
    export XDG_CACHE_HOME=$PWD/cache
    local sample
    sample=$("$REPO/.make/sample-text")
    grep -q 'Apache License' "$sample/checkout.txt"
    find "$sample" -type f -exec iconv -f UTF-8 -t UTF-8 {} + >/dev/null
    # A second run finds everything gathered and prints the folder alone.
    [[ $("$REPO/.make/sample-text" 2>&1) == "$sample" ]]
}
