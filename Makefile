# SPDX-License-Identifier: MIT
# Joins the two builds: Meson for user space, Kbuild for the modules. Everything made is under build/.
#
#   make demo          the sample device in a process, four clients, a real file     (half a minute)
#   make demo-kernel   the same clients and file in a VM with millrace.ko            (a minute)
#   make test          everything that proves it                                     (docs/testing.md)
#   make bench, bench-kernel     against its peers                                   (docs/benchmarks.md)
#   make install, load, unload, uninstall    on this machine                         (docs/install.md)

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build

.PHONY: setup build demo demo-kernel test soak bench bench-kernel install uninstall load unload clean

setup:
	@scripts/setup

build/native/build.ninja:
	@scripts/setup build
	@meson setup build/native >/dev/null

build: build/native/build.ninja
	@ninja -C build/native --quiet

demo: build
	@scripts/demo

demo-kernel:
	@scripts/setup build vm
	@$(MAKE) build
	@scripts/demo-kernel

test:
	@scripts/setup
	@scripts/test

soak:
	@scripts/setup
	@scripts/test soak

bench:
	@scripts/setup build bench
	@$(MAKE) build
	@bench/run

bench-kernel:
	@scripts/setup build vm bench
	@$(MAKE) build
	@bench/run-kernel

install uninstall load unload:
	@scripts/$@

clean:
	@rm -rf build
