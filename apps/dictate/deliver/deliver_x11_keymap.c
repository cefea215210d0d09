/* SPDX-License-Identifier: MIT
 *
 * From characters to key codes and modifiers, by the keyboard's own map (XKB, read by libxkbcommon). The map is kept and
 * read again when the server says that it has changed. A stroke that was found is tried on a model of the keyboard
 * before it is believed: locked modifiers can change what a key makes. */
#include "deliver_x11_parts.h"

/* xkb.h has a field named "explicit", which is a keyword to nobody but C++. */
#include <xcb/xkb.h>
#include <xkbcommon/xkbcommon-x11.h>

#include <stdio.h>
#include <string.h>

enum { MAX_MASKS = 16 };

/* libxkbcommon would write to standard error, which is not ours. */
static void say_nothing(struct xkb_context *context, enum xkb_log_level level, const char *format, va_list arguments)
{
    (void)context;
    (void)level;
    (void)format;
    (void)arguments;
}

static void select_events(deliver_x11 *x)
{
    static const uint16_t events =
        XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY | XCB_XKB_EVENT_TYPE_MAP_NOTIFY | XCB_XKB_EVENT_TYPE_STATE_NOTIFY;
    static const uint16_t maps = XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS | XCB_XKB_MAP_PART_MODIFIER_MAP
                                 | XCB_XKB_MAP_PART_KEY_ACTIONS | XCB_XKB_MAP_PART_VIRTUAL_MODS
                                 | XCB_XKB_MAP_PART_VIRTUAL_MOD_MAP;
    static const uint16_t states = XCB_XKB_STATE_PART_MODIFIER_BASE | XCB_XKB_STATE_PART_MODIFIER_LATCH
                                   | XCB_XKB_STATE_PART_MODIFIER_LOCK | XCB_XKB_STATE_PART_GROUP_STATE;
    static const uint16_t keyboards = XCB_XKB_NKN_DETAIL_KEYCODES | XCB_XKB_NKN_DETAIL_DEVICE_ID;
    const xcb_xkb_select_events_details_t details = {
        .affectNewKeyboard = keyboards, .newKeyboardDetails = keyboards, .affectState = states, .stateDetails = states};
    xcb_xkb_select_events_aux(x->c, XCB_XKB_ID_USE_CORE_KBD, events, 0, 0, maps, maps, &details);
}

bool deliver_keymap_open(deliver_x11 *x, char error[DELIVER_ERROR])
{
    deliver_keyboard *k = &x->keyboard;
    if (!xkb_x11_setup_xkb_extension(x->c, XKB_X11_MIN_MAJOR_XKB_VERSION, XKB_X11_MIN_MINOR_XKB_VERSION,
                                     XKB_X11_SETUP_XKB_EXTENSION_NO_FLAGS, NULL, NULL, &k->event_base, NULL)) {
        snprintf(error, DELIVER_ERROR, "The X display %s has no XKB extension, which delivery needs.", x->display);
        return false;
    }
    k->context = xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    if (k->context)
        xkb_context_set_log_fn(k->context, say_nothing);
    select_events(x);
    k->stale = true;
    if (k->context && deliver_keymap_refresh(x) && deliver_keyboard_state(x))
        return true;
    snprintf(error, DELIVER_ERROR, "The keyboard map of the X display %s cannot be read.", x->display);
    return false;
}

/* The key that sets exactly one real modifier while held, by trying those that are made for it. */
static void find_modifiers(deliver_keyboard *k)
{
    static const xkb_keysym_t holders[] = {
        XKB_KEY_Shift_L, XKB_KEY_Shift_R, XKB_KEY_Control_L,   XKB_KEY_Control_R,        XKB_KEY_ISO_Level3_Shift,
        XKB_KEY_Alt_L,   XKB_KEY_Super_L, XKB_KEY_Mode_switch, XKB_KEY_ISO_Level5_Shift,
    };
    memset(k->mod_keys, 0, sizeof k->mod_keys);
    xkb_keycode_t last = xkb_keymap_max_keycode(k->map);
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        for (xkb_keycode_t code = xkb_keymap_min_keycode(k->map); code <= last && code < 256; code++) {
            const xkb_keysym_t *syms;
            if (xkb_keymap_key_get_syms_by_level(k->map, code, 0, 0, &syms) != 1 || syms[0] != holders[i])
                continue;
            xkb_state_update_mask(k->state, 0, 0, 0, 0, 0, 0);
            xkb_state_update_key(k->state, code, XKB_KEY_DOWN);
            xkb_mod_mask_t mods = xkb_state_serialize_mods(k->state, XKB_STATE_MODS_DEPRESSED) & 0xff;
            xkb_state_update_key(k->state, code, XKB_KEY_UP);
            for (int bit = 0; bit < DELIVER_N_MODS; bit++)
                if (mods == 1u << bit && !k->mod_keys[bit])
                    k->mod_keys[bit] = (xcb_keycode_t)code;
        }
}

bool deliver_keymap_refresh(deliver_x11 *x)
{
    deliver_keyboard *k = &x->keyboard;
    if (!k->stale)
        return true;
    k->stale = false;
    int32_t device = xkb_x11_get_core_keyboard_device_id(x->c);
    struct xkb_keymap *map =
        device < 0 ? NULL : xkb_x11_keymap_new_from_device(k->context, x->c, device, XKB_KEYMAP_COMPILE_NO_FLAGS);
    struct xkb_state *state = map ? xkb_state_new(map) : NULL;
    if (!state) { /* the map of before stays, if there was one */
        xkb_keymap_unref(map);
        return k->map != NULL;
    }
    xkb_state_unref(k->state);
    xkb_keymap_unref(k->map);
    k->map = map;
    k->state = state;
    memset(k->cache, 0, sizeof k->cache);
    find_modifiers(k);
    /* A new layout has taken away what we put on spare keys. */
    for (int32_t i = 0; i < k->n_spares; i++) {
        const xkb_keysym_t *syms;
        if (xkb_keymap_key_get_syms_by_level(map, k->spares[i].code, 0, 0, &syms) != 1
            || syms[0] != k->spares[i].keysym)
            k->spares[i].keysym = XKB_KEY_NoSymbol;
    }
    return true;
}

void deliver_keymap_close(deliver_x11 *x)
{
    xkb_state_unref(x->keyboard.state);
    xkb_keymap_unref(x->keyboard.map);
    xkb_context_unref(x->keyboard.context);
}

static int32_t count_bits(uint32_t mask)
{
    int32_t n = 0;
    for (; mask; mask &= mask - 1)
        n++;
    return n;
}

/* Same character by another name; never a key of the number pad, which Num Lock may turn into a movement. */
static bool makes(xkb_keysym_t made, xkb_keysym_t wanted)
{
    if (made == wanted)
        return true;
    if (made >= XKB_KEY_KP_Space && made <= XKB_KEY_KP_9)
        return false;
    uint32_t c = xkb_keysym_to_utf32(wanted);
    return c >= 0x20 && c != 0x7f && xkb_keysym_to_utf32(made) == c;
}

/* The cheapest way to get the keysym from this key; best is only replaced by a cheaper one. */
static void try_key(deliver_keyboard *k, xkb_keycode_t code, xkb_layout_index_t layout, xkb_keysym_t wanted,
                    deliver_stroke *best)
{
    uint8_t locked = k->locked & (uint8_t)~XCB_MOD_MASK_LOCK; /* Caps Lock is off while we type */
    xkb_level_index_t n_levels = xkb_keymap_num_levels_for_key(k->map, code, layout);
    for (xkb_level_index_t level = 0; level < n_levels; level++) {
        const xkb_keysym_t *syms;
        xkb_mod_mask_t masks[MAX_MASKS];
        if (xkb_keymap_key_get_syms_by_level(k->map, code, layout, level, &syms) != 1 || !makes(syms[0], wanted))
            continue;
        size_t n_masks = xkb_keymap_key_get_mods_for_level(k->map, code, layout, level, masks, MAX_MASKS);
        for (size_t i = 0; i < n_masks; i++) {
            bool can_press = masks[i] < 0x100 && !(masks[i] & XCB_MOD_MASK_LOCK);
            for (int bit = 0; bit < DELIVER_N_MODS; bit++)
                can_press = can_press && (!(masks[i] & 1u << bit) || k->mod_keys[bit]);
            if (!can_press || (best->code && count_bits(best->mods) <= count_bits(masks[i])))
                continue;
            xkb_state_update_mask(k->state, masks[i], 0, locked, 0, 0, layout);
            if (makes(xkb_state_key_get_one_sym(k->state, code), wanted))
                *best = (deliver_stroke){(xcb_keycode_t)code, (uint8_t)masks[i]};
        }
    }
}

deliver_stroke deliver_keymap_find(deliver_x11 *x, xkb_keysym_t keysym)
{
    deliver_keyboard *k = &x->keyboard;
    deliver_stroke best = {0, 0};
    uint32_t slot = (keysym ^ keysym >> 8) % DELIVER_N_CACHED;
    if (k->cache[slot].key == keysym)
        return k->cache[slot].stroke;
    xkb_keycode_t last = xkb_keymap_max_keycode(k->map);
    for (xkb_keycode_t code = xkb_keymap_min_keycode(k->map); code <= last && code < 256; code++) {
        if (k->is_spare[code])
            continue;
        /* A key with fewer groups than the one in use falls back on one that it has. */
        xkb_state_update_mask(k->state, 0, 0, 0, 0, 0, k->group);
        xkb_layout_index_t layout = xkb_state_key_get_layout(k->state, code);
        if (layout != XKB_LAYOUT_INVALID)
            try_key(k, code, layout, keysym, &best);
    }
    k->cache[slot].key = keysym;
    k->cache[slot].stroke = best;
    return best;
}

deliver_stroke deliver_keymap_find_any_group(deliver_x11 *x, xkb_keysym_t keysym)
{
    deliver_keyboard *k = &x->keyboard;
    deliver_stroke stroke = deliver_keymap_find(x, keysym);
    xkb_keycode_t last = xkb_keymap_max_keycode(k->map);
    for (xkb_keycode_t code = xkb_keymap_min_keycode(k->map); !stroke.code && code <= last && code < 256; code++)
        for (xkb_layout_index_t layout = 0; layout < xkb_keymap_num_layouts_for_key(k->map, code); layout++) {
            const xkb_keysym_t *syms;
            if (!k->is_spare[code] && xkb_keymap_key_get_syms_by_level(k->map, code, layout, 0, &syms) == 1
                && syms[0] == keysym)
                stroke.code = (xcb_keycode_t)code;
        }
    return stroke;
}
