# One verb for each thing people do here. PRESET=debug or PRESET=asan builds and tests those instead.
PRESET ?= release
JOBS   ?= $(shell nproc)
build  := build/$(PRESET)
# What tools/setup installs: all of it at first, so that it asks once.
groups := build

# How far the build is: seconds, files done, files.
export NINJA_STATUS ?= [%es %f/%t] 

cpp     = $(shell find src tests bench -name '*.h' -o -name '*.cpp' 2> /dev/null)
python  = $(shell find tools tests bench -name '*.py' 2> /dev/null) tools/test
scripts = $(shell grep -rlE '^\#!.*\b(ba)?sh$$' tools tests bench .ci 2> /dev/null)

.PHONY: help setup build install demo test unit lint fmt golden bench clean
help:     ## list the verbs
	@sed -nE 's/^([a-z]+): .*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup:    ## install what any verb needs: Debian packages, pinned libraries, test servers
	@tools/setup build demo test dbt lint bench

build:    ## build/release/millrace, with everything it loads beside it
	@tools/setup $(groups)
	@cmake --preset $(PRESET) --log-level=WARNING > /dev/null
	@cmake --build $(build) -j $(JOBS) --target millrace

install: build  ## into ~/.local/bin and ~/.local/lib/millrace
	@cmake --install $(build) --prefix "$${PREFIX:-$$HOME/.local}"

demo: groups += demo
demo: build  ## the main job on a year of real flights, in a few minutes
	@tools/demo

test: groups += test dbt demo bench
test: build  ## everything, against real servers that it starts and stops
	@cmake --build $(build) -j $(JOBS) --target unit_tests
	@tools/test $(build)

unit: build  ## the C++ tests alone, under a minute once built
	@cmake --build $(build) -j $(JOBS) --target unit_tests
	@tools/test --unit $(build)

lint:     ## house rules, formatting, clang-tidy, shellcheck
	@tools/setup build lint
	@cmake --preset lint --log-level=WARNING > /dev/null
	@tools/tidy.py
	@clang-format-19 --dry-run --Werror $(cpp)
	@shellcheck $(scripts)
	@tools/clang_tidy.py build/lint
	@python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' $(python)

fmt:      ## format the C++ sources in place
	@tools/setup lint
	@clang-format-19 -i $(cpp)

golden:   ## rewrite every golden file from what the code says now; review the diff
	@MILLRACE_GOLDEN=write $(MAKE) test

bench: groups += bench
bench: build  ## speed and memory, as ratios measured in one run
	@tools/bench $(build)

clean:    ## remove build/ and demo/; the cache of downloads stays
	@rm -rf build demo
