/* SPDX-License-Identifier: MIT
 *
 * Keys by XTEST. A virtual keyboard cannot let go of a key that a finger holds down, so we wait for held modifiers
 * instead of releasing them.
 *
 * What the layout lacks is put on key codes that mean nothing in it, for as long as the window needs to read it: a
 * program asks for the map when it handles the key, not when we press it. */
#include "deliver_x11_parts.h"

#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include <stdlib.h>
#include <string.h>

enum { SPARE_COLUMNS = 4 };

bool deliver_keyboard_state(deliver_x11 *x)
{
    deliver_keyboard *k = &x->keyboard;
    xcb_xkb_get_state_reply_t *reply = deliver_reply(x, xcb_xkb_get_state(x->c, XCB_XKB_ID_USE_CORE_KBD).sequence);
    if (!reply)
        return false;
    if (k->group != reply->group || k->locked != reply->lockedMods)
        memset(k->cache, 0, sizeof k->cache);
    k->base = reply->baseMods;
    k->latched = reply->latchedMods;
    k->locked = reply->lockedMods;
    k->group = reply->group;
    free(reply);
    return true;
}

bool deliver_wait_modifiers(deliver_x11 *x)
{
    const uint8_t ours = XCB_MOD_MASK_SHIFT | XCB_MOD_MASK_CONTROL | XCB_MOD_MASK_1 | XCB_MOD_MASK_2 | XCB_MOD_MASK_3
                         | XCB_MOD_MASK_4 | XCB_MOD_MASK_5;
    int64_t until = clock_now_us() + (int64_t)x->modifier_ms * 1000;
    if (!deliver_keyboard_state(x))
        return false;
    while ((x->keyboard.base | x->keyboard.latched) & ours) /* changes come as events */
        if (clock_now_us() >= until || !deliver_step(x, until))
            return false;
    return true;
}

static void key(deliver_x11 *x, uint8_t event, xcb_keycode_t code)
{
    xcb_test_fake_input(x->c, event, code, XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
}

bool deliver_take_keyboard(deliver_x11 *x)
{
    deliver_keyboard *k = &x->keyboard;
    /* Releasing a key that is not down does nothing but this. The state's reply comes behind the news of a new map. */
    if (!deliver_has_spares(x) && x->is_lost)
        return false;
    if (k->n_spares > 0)
        key(x, XCB_KEY_RELEASE, k->spares[0].code);
    if (!deliver_keyboard_state(x))
        return false;
    return deliver_step(x, 0) && deliver_keymap_refresh(x);
}

void deliver_press(deliver_x11 *x, deliver_stroke stroke)
{
    for (int bit = 0; bit < DELIVER_N_MODS; bit++)
        if (stroke.mods & 1u << bit)
            key(x, XCB_KEY_PRESS, x->keyboard.mod_keys[bit]);
    key(x, XCB_KEY_PRESS, stroke.code);
    key(x, XCB_KEY_RELEASE, stroke.code);
    for (int bit = DELIVER_N_MODS - 1; bit >= 0; bit--)
        if (stroke.mods & 1u << bit)
            key(x, XCB_KEY_RELEASE, x->keyboard.mod_keys[bit]);
}

bool deliver_press_chord(deliver_x11 *x, const deliver_chord *chord)
{
    deliver_stroke stroke = deliver_keymap_find_any_group(x, chord->keysym);
    if (!stroke.code) {
        stroke = (deliver_stroke){deliver_spare_for(x, chord->keysym), 0};
        x->keyboard.unmap_us = clock_now_us() + 2000000;
    }
    stroke.mods |= chord->mods;
    for (int bit = 0; bit < DELIVER_N_MODS; bit++)
        if (stroke.mods & 1u << bit && !x->keyboard.mod_keys[bit])
            return false;
    if (!stroke.code)
        return false;
    deliver_press(x, stroke);
    xcb_flush(x->c);
    return true;
}

bool deliver_has_spares(deliver_x11 *x)
{
    deliver_keyboard *k = &x->keyboard;
    if (k->spares_known)
        return k->n_spares > 0;
    uint8_t first = xcb_get_setup(x->c)->min_keycode, last = xcb_get_setup(x->c)->max_keycode;
    xcb_get_keyboard_mapping_reply_t *reply =
        deliver_reply(x, xcb_get_keyboard_mapping(x->c, first, (uint8_t)(last - first + 1)).sequence);
    if (!reply)
        return false;
    const xcb_keysym_t *syms = xcb_get_keyboard_mapping_keysyms(reply);
    int per_code = reply->keysyms_per_keycode;
    /* From the top, away from the keys that keyboards have. */
    for (int code = last; code > first && k->n_spares < DELIVER_N_SPARES; code--) {
        bool empty = true;
        for (int i = 0; i < per_code; i++)
            empty = empty && syms[(code - first) * per_code + i] == XCB_NONE;
        if (empty) {
            k->spares[k->n_spares++].code = (xcb_keycode_t)code;
            k->is_spare[code] = true;
        }
    }
    k->spares_known = true;
    free(reply);
    return k->n_spares > 0;
}

xcb_keycode_t deliver_spare_for(deliver_x11 *x, xkb_keysym_t keysym)
{
    deliver_keyboard *k = &x->keyboard;
    if (!deliver_has_spares(x))
        return 0;
    for (int32_t i = 0; i < k->n_spares; i++)
        if (k->spares[i].keysym == keysym)
            return k->spares[i].code;
    for (int32_t i = 0; i < k->n_spares; i++)
        if (!k->spares[i].keysym) {
            /* The same in both levels of both groups, or the server would make pairs of small and capital of it. */
            const xcb_keysym_t syms[SPARE_COLUMNS] = {keysym, keysym, keysym, keysym};
            xcb_change_keyboard_mapping(x->c, 1, k->spares[i].code, SPARE_COLUMNS, syms);
            k->spares[i].keysym = keysym;
            return k->spares[i].code;
        }
    return 0;
}

void deliver_spares_reuse(deliver_x11 *x)
{
    for (int32_t i = 0; i < x->keyboard.n_spares; i++)
        x->keyboard.spares[i].keysym = XKB_KEY_NoSymbol;
}

void deliver_spares_empty(deliver_x11 *x)
{
    deliver_keyboard *k = &x->keyboard;
    const xcb_keysym_t nothing = XCB_NONE;
    if (!k->unmap_us)
        return;
    /* All of them: those that were reused still mean what they meant before. */
    for (int32_t i = 0; i < k->n_spares; i++)
        xcb_change_keyboard_mapping(x->c, 1, k->spares[i].code, 1, &nothing);
    k->unmap_us = 0;
    free(deliver_reply(x, xcb_get_input_focus(x->c).sequence)); /* it is done, whatever follows */
    /* Another layout may use these codes; look again next time. */
    memset(k->is_spare, 0, sizeof k->is_spare);
    memset(k->spares, 0, sizeof k->spares);
    k->n_spares = 0;
    k->spares_known = false;
}

void deliver_caps_lock(deliver_x11 *x, bool on)
{
    xcb_xkb_latch_lock_state(x->c, XCB_XKB_ID_USE_CORE_KBD, XCB_MOD_MASK_LOCK, on ? XCB_MOD_MASK_LOCK : 0, 0, 0, 0, 0,
                             0);
}
