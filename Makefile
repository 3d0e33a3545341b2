# Everything is set up when it is first needed, in a cache outside this clone. See docs/development.md.

.DEFAULT_GOAL := help
.PHONY: help setup demo answer test lint format bench translations odoo psql database stop clean

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## get Odoo 19, PostgreSQL and all tools ready (the others do this too)
	@tools/run setup

demo: ## make the demo database, run today's collection, serve the web client (SERVE=0: don't serve)
	@tools/run demo

answer: ## answer the newest notice of the demo as its customer would: make answer TEXT="We pay on Friday"
	@tools/run answer

test: ## run the linters and all tests (ARGS="tests/test_x.py -k name": some tests only)
	@tools/run test

lint: ## run all linters
	@tools/run lint

format: ## let the formatters mend what they can
	@tools/run format

bench: ## run the benchmarks (ONLY=name for one)
	@tools/run bench

translations: ## write the .pot and .po files again after texts changed, and check them
	@tools/run translations

odoo: ## run Odoo: make odoo ARGS="shell -d collections_demo"
	@tools/run odoo

psql: ## run psql: make psql ARGS="collections_demo"
	@tools/run psql

database: ## make a database with all modules installed: make database DB=mine (CLUSTER=test: the faster PostgreSQL)
	@tools/run database

stop: ## stop the private PostgreSQL
	@tools/run stop

clean: ## stop it, and remove all databases and all that was fetched
	@tools/run clean
