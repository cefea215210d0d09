/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#define TEXT(x)          #x
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *cs_version(void)
{
    return VERSION(CS_VERSION_MAJOR, CS_VERSION_MINOR, CS_VERSION_PATCH);
}
