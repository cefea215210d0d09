# SPDX-License-Identifier: MIT
# From code.awk's lines: every #include "..." that the layers do not allow, one sentence each.
#
# Folders of src/ are numbered layers; a file sees its own folder, the public header, and the door headers of folders
# with a smaller number. Equal numbers never see each other. Programs see the public header, apps/common and themselves.
BEGIN {
    FS = "\t"
    layer["base"] = 0
    layer["math"] = layer["format"] = layer["text"] = layer["audio"] = 1
    layer["nn"] = 2
    layer["decode"] = 3
    layer["engine"] = 4
    for (folder in layer)
        door[folder] = folder "/" folder ".h"
    door["math"] = "math/ops.h"
}

function wrong(why) {
    printf "%s:%d: includes \"%s\": %s\n", $1, $2, header, why
}

# Is header in the includer's own folder, by its path from the root that includes start at or by its bare name?
function own(root, folder, directory,    name) {
    if (header ~ /\.\./)
        return 0
    if (index(header, folder "/") == 1)
        return 1
    return index(header, "/") ? (directory header) in here : ((directory header) in here || (root folder "/" header) in here)
}

# First pass: the files that exist.
NR == FNR { here[$1] = 1; next }

$3 !~ /^[ \t]*#[ \t]*include[ \t]*["<]/ { next }

{
    system_header = $3 ~ /^[ \t]*#[ \t]*include[ \t]*</
    header = $3
    sub(/^[^"<]*["<]/, "", header)
    sub(/[">].*$/, "", header)
    split($1, path, "/")
    folder = path[2]
    directory = $1
    sub(/[^\/]*$/, "", directory)
    if (system_header) {
        split(header, part, "/")
        if (header == "ctrlspeak.h" || part[1] in layer)
            wrong("a header of this tree is included with quotes")
        next
    }
    if (path[1] == "include") {
        wrong("the public header stands alone")
        next
    }
    if (header == "ctrlspeak.h")
        next
    if (path[1] == "apps") {
        if (folder == "dictate") {
            # its parts see the doors of one another, listed in docs/DICTATION.md
            split(header, part, "/")
            if (index(header, "common/") == 1 || (directory header) in here || index(header, "dictate/" path[3] "/") == 1)
                next
            if (part[1] == "dictate" && part[3] ~ /^(gesture|keys|capture|cue|voice|joining|spool|worker|deliver|history|settings|feedback|log_file|screen|control)[.]h$/)
                next
            wrong("parts of dictation see ctrlspeak.h, apps/common, themselves and the doors of the other parts")
            next
        }
        if (own("apps/", folder, directory) || index(header, "common/") == 1 || index(header, "dictate/") == 1)
            next
        wrong("programs see ctrlspeak.h, apps/common and their own folder")
        next
    }
    if (!(folder in layer)) {
        wrong("folder src/" folder " has no layer; give it one in tests/house/arrows.awk")
        next
    }
    if (own("src/", folder, directory))
        next
    split(header, part, "/")
    if (!(part[1] in layer))
        wrong("no such file in src/" folder)
    else if (layer[part[1]] >= layer[folder])
        wrong("src/" folder " (layer " layer[folder] ") must not see src/" part[1] " (layer " layer[part[1]] ")")
    else if (header != door[part[1]])
        wrong("only the door " door[part[1]] " may be seen from outside src/" part[1])
}
