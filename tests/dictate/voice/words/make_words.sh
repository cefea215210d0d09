#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Speaks the words of test_seams.c with flite's voices, into the folder that this script lies in. 16 kHz, mono, 16 bit.
set -eu
cd "$(dirname "$0")"
for spoken in eight:slt no:kal16 seven:rms six:slt stop:rms yes:slt; do
    flite -voice "${spoken#*:}" -t "${spoken%:*}" "${spoken%:*}.wav"
done
