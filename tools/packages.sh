#!/bin/sh
# SPDX-License-Identifier: MIT
#
# packages.sh [--check] GROUP...: see that the Debian packages of the groups are there; install those that are not.
#
# Asks dpkg alone, so nothing is fetched and no network needed when all is there. A required package that cannot be
# had ends in one sentence that names it and says how to go on; an optional one is announced and left out. When nothing
# but optional ones are missing, they are tried without refreshing the lists and without asking for a password.
# --check installs nothing. A system without dpkg is told the names, and the build then finds out what is there.
set -u

required() {
    case $1 in
    make) echo make ;;
    build) echo gcc libc6-dev meson ninja-build pkg-config libyaml-dev zlib1g-dev nettle-dev libsndfile1-dev libsoxr-dev ;;
    test) echo clang llvm libclang-rt-14-dev clang-format g++ binutils libjansson-dev ;;
    run) ;;
    *) echo "packages.sh: no group '$1'; there are: make build run test" >&2 && return 1 ;;
    esac
}

optional() {
    case $1 in
    build)
        echo libavformat-dev libavcodec-dev libavutil-dev
        # ctrlspeak dictate
        echo libsqlite3-dev libncurses-dev libx11-dev libxi-dev libxcb-xinput-dev libxtst-dev libxfixes-dev libxkbcommon-dev \
            libxkbcommon-x11-dev libxcb1-dev libxcb-xtest0-dev libxcb-xkb-dev libpulse-dev libasound2-dev libevdev-dev libsystemd-dev
        # One flavour of libcurl drives out another: take what is there.
        pkg-config --exists libcurl 2>/dev/null || echo libcurl4-openssl-dev
        ;;
    run) echo alsa-utils ;; # for the voices in its sound folder
    test) # without these some tests are skipped
        echo openssl groff zsh fish python3-numpy python3-pytest python3-venv
        # CPUs that are not at hand
        echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
        # ctrlspeak dictate: displays, windows, keyboards; sound servers; a terminal; a bus; the history seen from outside
        echo xvfb openbox xterm xdotool xclip x11-xkb-utils pulseaudio pulseaudio-utils tmux dbus-daemon sqlite3
        ;;
    esac
}

# Those of the named packages that are not installed, in one line.
missing() {
    list=
    for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
        [ "$state" = installed ] || list="$list $package"
    done
    echo $list
}

# As root, or by sudo. Waits for another package manager to finish instead of failing on its lock.
apt() {
    if [ "$(id -u)" = 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
    else
        sudo $ask_nothing env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
    fi
}

install_packages() {
    apt install -y -q --no-install-recommends "$@" >&2
}

ask_nothing=
check=no
[ "${1:-}" = --check ] && check=yes && shift
needed= wanted=
for group in "$@"; do
    more=$(required "$group") || exit 2
    needed="$needed $more"
    wanted="$wanted $(optional "$group")"
done

if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: no dpkg here; what Debian 12 calls$needed must be installed by hand. Going on." >&2
    exit 0
fi
needed=$(missing $needed)
wanted=$(missing $wanted)
[ -n "$needed$wanted" ] || exit 0
by_hand="apt-get install $needed"

if [ -z "$needed" ]; then
    ask_nothing=-n
    [ $check = yes ] || install_packages $wanted 2>/dev/null || echo "Going on without the optional packages $wanted." >&2
    exit 0
fi
if [ $check = yes ]; then
    echo "Missing packages: $needed. Either of these installs them: make run; $by_hand (as root)." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "Missing packages: $needed. This is not root and there is no sudo: as root, run: $by_hand; then make again." >&2
    exit 1
fi

echo "Installing packages: $needed $wanted" >&2
apt update -q >&2 || echo "The package lists could not be refreshed; trying with those that are here." >&2
if ! install_packages $needed; then
    for package in $(missing $needed); do
        install_packages "$package" || refused="${refused:-} $package"
    done
    still=$(missing $needed)
    if [ -n "$still" ]; then
        echo "Could not install: $still. See apt's message above (network? package sources?); when it is solved, or" \
            "after \"apt-get install $still\" as root, run make again." >&2
        exit 1
    fi
fi
if [ -n "$wanted" ] && ! install_packages $wanted; then
    for package in $(missing $wanted); do
        install_packages "$package" || echo "Could not install $package: going on without what it brings." >&2
    done
fi
exit 0
