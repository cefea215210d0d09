/* SPDX-License-Identifier: MIT
 *
 * Output through a sink in pieces of a few kilobytes, without allocation. Whatever goes in, valid UTF-8 comes out, and numbers
 * look the same in every locale: printf's decimal point is the locale's, so none is printed.
 */
#include "text/text_inside.h"

#include <math.h>
#include <stdio.h>

void csi_writer_init(csi_writer *writer, cs_sink sink, void *sink_user)
{
    writer->sink = sink;
    writer->sink_user = sink_user;
    writer->n_bytes = 0;
    writer->stopped = false;
}

void csi_writer_flush(csi_writer *writer)
{
    if (!writer->stopped && writer->n_bytes > 0)
        writer->stopped = writer->sink(writer->sink_user, writer->bytes, writer->n_bytes) != 0;
    writer->n_bytes = 0;
}

void csi_write_raw(csi_writer *writer, const char *bytes, size_t n_bytes)
{
    while (n_bytes > 0 && !writer->stopped) {
        size_t n = CSI_MIN(n_bytes, sizeof writer->bytes - writer->n_bytes);
        memcpy(writer->bytes + writer->n_bytes, bytes, n);
        writer->n_bytes += n;
        bytes += n;
        n_bytes -= n;
        if (writer->n_bytes == sizeof writer->bytes)
            csi_writer_flush(writer);
    }
}

void csi_write_ascii(csi_writer *writer, const char *text)
{
    csi_write_raw(writer, text, strlen(text));
}

void csi_write_text(csi_writer *writer, const char *text, size_t n_bytes, bool one_line)
{
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        int n = csi_utf8_decode(text + at, n_bytes - at, &c);
        if (n == 0)
            csi_write_ascii(writer, "\xef\xbf\xbd");
        else if (one_line && csi_is_space_char(c))
            csi_write_ascii(writer, " ");
        else if (!one_line || (c >= 0x20 && c != 0x7F))
            csi_write_raw(writer, text + at, (size_t)n);
        at += n ? (size_t)n : 1;
    }
}

/* ----------------------------------------------------------------- numbers */

void csi_write_int(csi_writer *writer, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    csi_write_ascii(writer, text);
}

void csi_write_digits(csi_writer *writer, uint64_t value, int digits)
{
    char text[32];
    snprintf(text, sizeof text, "%0*llu", digits, (unsigned long long)value);
    csi_write_ascii(writer, text);
}

static const double longest_seconds = 360000000.0; /* a hundred thousand hours */

int64_t csi_milliseconds(double seconds)
{
    return seconds > 0 ? llround(CSI_MIN(seconds, longest_seconds) * 1000.0) : 0; /* false for NaN */
}

void csi_write_seconds(csi_writer *writer, double seconds, bool fixed)
{
    if (!isfinite(seconds)) {
        csi_write_ascii(writer, "null");
        return;
    }
    int64_t ms = csi_milliseconds(fabs(seconds));
    int digits = 3;
    uint64_t fraction = (uint64_t)(ms % 1000);
    if (seconds < 0 && ms > 0)
        csi_write_ascii(writer, "-");
    csi_write_int(writer, ms / 1000);
    if (fraction == 0 && !fixed)
        return;
    while (!fixed && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    csi_write_ascii(writer, ".");
    csi_write_digits(writer, fraction, digits);
}

void csi_write_number(csi_writer *writer, double value, const char *absent)
{
    enum { DIGITS = 6 };
    char printed[64], digits[DIGITS + 1];
    int n = 0, exponent = 0;
    if (!isfinite(value)) {
        csi_write_ascii(writer, absent);
        return;
    }
    snprintf(printed, sizeof printed, "%.*e", DIGITS - 1, fabs(value));
    const char *at = printed;
    for (; *at && *at != 'e'; at++) /* whatever stands between the digits is the locale's */
        if (*at >= '0' && *at <= '9' && n < DIGITS)
            digits[n++] = *at;
    if (*at == 'e')
        sscanf(at + 1, "%d", &exponent);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = 0;
    if (value < 0)
        csi_write_ascii(writer, "-");
    if (exponent < -5 || exponent >= DIGITS) { /* d.ddde-07 */
        csi_write_raw(writer, digits, 1);
        csi_write_ascii(writer, n > 1 ? "." : "");
        csi_write_ascii(writer, digits + 1);
        csi_write_ascii(writer, "e");
        csi_write_int(writer, exponent);
        return;
    }
    int whole = exponent + 1; /* digits before the point; 0 and less: zeros behind it */
    if (whole <= 0)
        csi_write_ascii(writer, "0.");
    for (int i = whole; i < 0; i++)
        csi_write_ascii(writer, "0");
    for (int i = 0; i < CSI_MAX(n, whole); i++) {
        if (i == whole && i > 0)
            csi_write_ascii(writer, ".");
        csi_write_raw(writer, i < n ? &digits[i] : "0", 1);
    }
}

/* ------------------------------------------------------------ JSON strings */

void csi_write_json_string(csi_writer *writer, const char *text)
{
    size_t n_bytes = text ? strlen(text) : 0;
    csi_write_ascii(writer, "\"");
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c;
        int n = csi_utf8_decode(text + at, n_bytes - at, &c);
        if (n == 0) {
            csi_write_ascii(writer, "\xef\xbf\xbd");
        } else if (c == '"' || c == '\\') {
            const char pair[2] = {'\\', (char)c};
            csi_write_raw(writer, pair, 2);
        } else if (c == '\n' || c == '\t') {
            csi_write_ascii(writer, c == '\n' ? "\\n" : "\\t");
        } else if (c < 0x20 || c == 0x7F) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
            csi_write_ascii(writer, escape);
        } else {
            csi_write_raw(writer, text + at, (size_t)n);
        }
        at += n ? (size_t)n : 1;
    }
    csi_write_ascii(writer, "\"");
}
