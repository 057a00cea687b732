# `make book` builds the site, `make test` checks everything, `make help` lists the rest.

PYTHON ?= python3
# Where to get torch, if not from pip's default; see README.md.
TORCH_INDEX ?=
# Which versions to install: exact ones, or in CI the oldest (tests/oldest.py writes them) or the newest (/dev/null).
CONSTRAINTS ?= constraints.txt

BIN := .venv/bin
INSTALLED := .venv/installed
SITE := _build/html
ALONE := $(CURDIR)/build/alone
PAGES_LOG := $(CURDIR)/build/pages.log
CHAPTERS = $(wildcard book/*.ipynb)

# Sums come out in the same order on every run, and two processes do not fight for two cores.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# glibc keeps the memory of a large tensor for the next one. Fetched anew each time, an encoder's took half its time.
export MALLOC_MMAP_THRESHOLD_ := 1000000000
export MALLOC_TRIM_THRESHOLD_ := 1000000000
# A process reads the bytecode that another has written, also where the environment forbids to write any.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := book
.PHONY: book test units pages browser kernel page-times page-pictures links notebooks results faults mutants lab epub serve clean help

book: $(INSTALLED)  ## build the site into _build/html, warnings as errors (the default)
	rm -f $(SITE)/index.html
	$(BIN)/jupyter-book build . --path-output . --all -n -W --keep-going
	@test -s $(SITE)/index.html || { echo "the build left no $(SITE)/index.html" >&2; exit 1; }

# make expands every line of a recipe before it runs the first one, so `date` tells when the tests started.
test: $(INSTALLED) browser  ## lint, unit tests, every page in a browser, every chapter run and compared
	@$(BIN)/python book/this_checkout.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 units pages
	CHAPTERS_SITE=$(ALONE)/site MAKE_TEST_STARTED=$(shell date +%s) $(BIN)/pytest -p chapter_cost --rootdir=. \
		--nbval --nbval-sanitize-with tests/nbval_sanitize.cfg \
		--nbval-cell-timeout=300 --nbval-kernel-startup-timeout=120 \
		-n 2 --dist loadfile --no-loadscope-reorder --durations=10 $(CHAPTERS:book/%.ipynb=$(ALONE)/%)

units: $(INSTALLED)
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=5

# The site, the wheel for the chapters, and the tests of the pages: one after the other, made beside the unit tests, so
# that neither lane leaves a core idle while it waits. What they print comes at their end.
pages: $(INSTALLED) browser
	@mkdir -p $(dir $(ALONE))
	@{ $(MAKE) --no-print-directory book && $(BIN)/python book/alone.py $(ALONE); } > $(ALONE).log 2>&1 \
		|| { cat $(ALONE).log; echo "the site or the wheel could not be made" >&2; exit 1; }
	@$(BIN)/pytest -p no:cacheprovider --durations=5 tests/site > $(PAGES_LOG) 2>&1 || { cat $(PAGES_LOG); exit 1; }
	@cat $(PAGES_LOG)

notebooks: $(INSTALLED)  ## run every chapter anew and store its output, cost and alternative texts
	$(BIN)/ruff format book
	$(BIN)/python book/execute.py

results: $(INSTALLED)  ## do again the studies whose stored result no longer holds, and say first how long it takes
	$(BIN)/python -m toyclip study --stale

faults: $(INSTALLED)  ## plant faults in the package and see that the tests catch each one
	$(BIN)/python tests/faults/plant_faults.py

mutants: $(INSTALLED)  ## plant 300 small slips in the core and see that the tests catch those that matter
	$(BIN)/python tests/faults/plant_faults.py --mutants 300

browser: $(INSTALLED)  ## see that there is a Chromium for the tests of the pages, and fetch one if there is none
	@$(BIN)/python tests/browser.py > /dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null \
			&& apt-get update -q && { apt-get install -q -y --no-install-recommends chromium-headless-shell \
				|| apt-get install -q -y --no-install-recommends chromium; }; } \
		|| $(BIN)/playwright install chromium-headless-shell || true
	@$(BIN)/python tests/browser.py

page-times: book browser  ## measure what a training in the page takes; with nothing else running
	$(BIN)/python tests/live/page_times.py

page-pictures: book browser  ## take the pictures that stand for the page where there is no JavaScript
	$(BIN)/python tests/live/page_pictures.py

links: $(INSTALLED)  ## ask every address outside the book whether it still answers; needs the network
	$(BIN)/jupyter-book build . --path-output build/links --builder linkcheck --keep-going

kernel: $(INSTALLED)  ## turn the text of the live page's kernel into the bytes that a browser runs
	$(BIN)/python book/live/build_kernel.py

lab: $(INSTALLED)  ## open the chapters in JupyterLab, to change a line and see what happens
	$(BIN)/python -m pip install -c constraints.txt -e '.[book,test,lab]'
	$(BIN)/jupyter lab --notebook-dir book

epub: $(INSTALLED)  ## the book as one file for a reader, _build/epub
	$(BIN)/jupyter-book build . --path-output . --builder custom --custom-builder epub
	@ls _build/epub/*.epub

serve: book  ## build the site and show it on this machine, at port 8000
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory $(SITE)

clean:  ## remove the site, the virtual environment, built packages and all caches
	rm -rf _build build dist .venv .hypothesis .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1\t\2/p' Makefile | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --no-deps --index-url "$(TORCH_INDEX)" -c $(CONSTRAINTS) torch)
	$(BIN)/python -m pip install -c $(CONSTRAINTS) -e '.[book,test]'
	touch $@
