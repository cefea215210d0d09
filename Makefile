# The front door: every target is one script or one Meson call. `make run` and `make test` install what they need.
MESON_FLAGS ?=
all: ; @sh tools/packages.sh --check build && sh tools/build.sh build $(MESON_FLAGS)
run: ; @sh tools/packages.sh build run && sh tools/build.sh build $(MESON_FLAGS) && sh tools/demo.sh
test: ; @sh tools/test.sh
check-sanitizers: ; @sh tools/test.sh address thread
fuzz: ; @sh tools/packages.sh build test && sh tools/build.sh build-fuzz --native-file tools/clang.ini -Dfuzz=true -Db_lundef=false --buildtype=debugoptimized
format: ; @sh tools/format.sh
format-check: ; @sh tools/format.sh --check
wheel: ; @sh tools/packages.sh build test && sh tools/python_env.sh build-python/env && sh tools/python_wheel.sh build-python/env build-python/wheel
install: all ; @meson install -C build --no-rebuild
clean: ; @rm -rf build build-*
.PHONY: all run test wheel check-sanitizers fuzz format format-check install clean
