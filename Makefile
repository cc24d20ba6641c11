# make demo | test | nightly | serve | real | bench | coverage | mutants | clean — all set themselves up; see README.md.
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.ready
DB := $(if $(GRIDMGMT_DATABASE_URL),,--db demo)
export PATH := $(CURDIR)/$(RUN):$(PATH)

TESTS := tests
MUTANTS :=
BENCH :=

.PHONY: demo test nightly serve real bench coverage mutants clean lint

demo: $(STAMP) postgis
	$(RUN)/python -m tools.demo

real: $(STAMP) postgis
	$(RUN)/python -m tools.real

serve: $(STAMP) postgis
	$(RUN)/gridmgmt $(DB) db start
	$(RUN)/gridmgmt $(DB) serve

test: $(STAMP) postgis lint
	$(RUN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# every property with many examples, and the tests marked night
nightly: $(STAMP) postgis
	$(RUN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "" --hypothesis-profile night

lint: $(STAMP)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

# one table of ratios against what is measured beside (BENCH="--only editions" for some)
bench: demo
	$(RUN)/python -m tests.benchmarks $(BENCH)

# which part of the code the tests run: a figure to look at, no gate (TESTS=tests/unit for some of them)
coverage: $(STAMP) postgis
	$(RUN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(TESTS)

# whether the unit tests notice small faults in the rules (MUTANTS="--number 0 --minutes 90" for all of them)
mutants: $(STAMP)
	$(RUN)/python -m tests.mutants $(MUTANTS)

clean:
	rm -rf out

.PHONY: postgis
postgis:
	@sh tools/postgis.sh

$(STAMP): requirements.lock pyproject.toml
	@sh tools/venv.sh $(VENV)
	@touch $@
