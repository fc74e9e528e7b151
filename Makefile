# `make run` starts the site, `make test` runs every test. Both need only make and Python 3.11, 3.12 or 3.13.

PYTEST_ARGS ?=
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: run test faults load security lint format lock setup

run: ## start everything; Ctrl-C stops everything
	@scripts/setup app
	@.venv/bin/python -m aurapark.cli run

test: ## run the whole suite on real servers, two tests at a time; PYTEST_ARGS="-k hold" runs a part
	@scripts/setup dev
	@.venv/bin/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

LONG_FORMS = tests/faults tests/concurrency tests/services/test_drain.py tests/services/test_redis_faults.py \
	tests/services/test_paid_to_confirmed.py tests/pages/test_lists.py
faults: ## the long form, an hour or more: every commit and call cut, the model at length, each race 200 times, 100,000 rows
	@scripts/setup dev
	@FAULT_SCALE=10 RACE_ROUNDS=200 .venv/bin/python -m pytest -s $(LONG_FORMS) $(PYTEST_ARGS)

load: ## months of ten thousand, a hundred thousand and a million bookings: what closing them takes, and the pages over them
	@scripts/setup dev
	@LOAD_BOOKINGS=10000,100000,1000000 STATEMENT_BOOKINGS=1000000 DESK_BOOKINGS=1000000 OFFICE_BOOKINGS=1000000 BOOKINGS_FOUND_IN=1000000 \
		.venv/bin/python -m pytest -s tests/services/test_million.py tests/services/test_desk_many.py \
		tests/services/test_office_many.py tests/services/test_finding_many.py tests/services/test_statement_files_many.py $(PYTEST_ARGS)

security: ## the walls at length: schemathesis makes up 200 calls for each operation of the API
	@scripts/setup dev
	@SCHEMA_EXAMPLES=200 CRAWL_PAGES=200 .venv/bin/python -m pytest tests/security tests/browser/test_canary.py $(PYTEST_ARGS)

lint: ## style, types, who may import whom, and what bandit finds
	@scripts/setup dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/bandit --quiet --recursive --configfile pyproject.toml aurapark workers app.py 2>/dev/null

format: ## write the style down
	@scripts/setup dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

setup: ## install what the other commands need
	@scripts/setup dev

lock: ## resolve the requirements again; LOCK_ARGS=--upgrade takes newer versions
	@scripts/setup dev
	$(LOCK) $(LOCK_ARGS) pyproject.toml -o requirements/app.txt
	$(LOCK) $(LOCK_ARGS) requirements/build.in -c requirements/app.txt -o requirements/build.txt
	$(LOCK) $(LOCK_ARGS) requirements/servers.in --no-deps -o requirements/servers.txt
	$(LOCK) $(LOCK_ARGS) pyproject.toml --extra dev -c requirements/app.txt -c requirements/build.txt -o requirements/dev.txt
