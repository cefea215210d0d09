# SPDX-License-Identifier: MIT
# C files to lines "path<TAB>line<TAB>code": comments gone, strings and characters emptied, #include lines as they are.
FNR == 1 { in_comment = 0 }
{
    line = $0
    code = ""
    if (!in_comment && line ~ /^[ \t]*#[ \t]*include/) {
        printf "%s\t%d\t%s\n", FILENAME, FNR, line
        next
    }
    while (line != "") {
        if (in_comment) {
            at = index(line, "*/")
            line = at ? substr(line, at + 2) : ""
            in_comment = !at
            continue
        }
        at = match(line, /\/\*|\/\/|"|'/)
        if (!at) {
            code = code line
            break
        }
        code = code substr(line, 1, at - 1)
        mark = substr(line, at, RLENGTH)
        line = substr(line, at + RLENGTH)
        if (mark == "/*")
            in_comment = 1
        else if (mark == "//")
            line = ""
        else {
            while (line != "" && substr(line, 1, 1) != mark)
                line = substr(line, substr(line, 1, 1) == "\\" ? 3 : 2)
            code = code mark mark
            line = substr(line, 2)
        }
    }
    if (code ~ /[^ \t]/)
        printf "%s\t%d\t%s\n", FILENAME, FNR, code
}
