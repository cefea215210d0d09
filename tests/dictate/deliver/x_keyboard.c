/* SPDX-License-Identifier: MIT
 *
 * x_keyboard DISPLAY CODE: one key on Xvfb's own keyboard, not on the one that XTEST otherwise speaks for. The server
 * then makes that keyboard, with its layout, the one in use, as it does when a hand touches a real one. */
#include <X11/Xlib.h>
#include <X11/extensions/XInput.h>
#include <X11/extensions/XTest.h>

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    int n_devices = 0, rc = 1;
    Display *d = argc == 3 ? XOpenDisplay(argv[1]) : NULL;
    XDeviceInfo *list = d ? XListInputDevices(d, &n_devices) : NULL;
    for (int i = 0; i < n_devices; i++) {
        if (strcmp(list[i].name, "Xvfb keyboard") != 0)
            continue;
        XDevice *keyboard = XOpenDevice(d, list[i].id);
        if (!keyboard)
            break;
        XTestFakeDeviceKeyEvent(d, keyboard, (unsigned int)atoi(argv[2]), True, NULL, 0, 0);
        XTestFakeDeviceKeyEvent(d, keyboard, (unsigned int)atoi(argv[2]), False, NULL, 0, 0);
        XSync(d, False);
        XCloseDevice(d, keyboard);
        rc = 0;
    }
    if (list)
        XFreeDeviceList(list);
    if (d)
        XCloseDisplay(d);
    return rc;
}
